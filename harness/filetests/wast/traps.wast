;; A trap leaves all instances that called each other, back to the host, and each notes it.

(module $bottom
  (func (export "divide") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
  (func (export "one") (result i32) (i32.const 1)))
(register "bottom" $bottom)

(module $top
  (import "bottom" "divide" (func $divide (param i32 i32) (result i32)))
  (global $count (mut i32) (i32.const 0))
  (func (export "divide") (param i32 i32) (result i32)
    (global.set $count (i32.add (global.get $count) (i32.const 1)))
    (call $divide (local.get 0) (local.get 1)))
  (func (export "count") (result i32) (global.get $count)))
(register "top" $top)

(module $outermost
  (import "top" "divide" (func $divide (param i32 i32) (result i32)))
  (func (export "divide") (param i64 i32 i32) (result i64)
    (i64.add (local.get 0) (i64.extend_i32_s (call $divide (local.get 1) (local.get 2)))))
  (func (export "one") (result i32) (i32.const 1)))

(assert_return (invoke "divide" (i64.const 1) (i32.const 12) (i32.const 4)) (i64.const 4))
(assert_trap (invoke "divide" (i64.const 1) (i32.const 12) (i32.const 0)) "integer divide by zero")
(assert_trap (invoke $top "divide" (i32.const 0x80000000) (i32.const -1)) "integer overflow")
;; The next call of each starts anew.
(assert_return (invoke "one") (i32.const 1))
(assert_return (invoke $bottom "one") (i32.const 1))
(assert_return (invoke "divide" (i64.const -1) (i32.const 12) (i32.const -4)) (i64.const -4))
(assert_return (invoke $top "count") (i32.const 4))
