;; Calls the module of recovery.wat, directly and at its start.
(module
  (import "program" "divide" (func $divide (param i32 i32) (result i32)))
  (import "program" "through" (func $through (param i32) (result i32)))
  (import "setup" "divisor" (global $divisor i32))
  (global $calls (export "calls") (mut i32) (i32.const 0))
  (start $begin)
  (func $begin (drop (call $divide (i32.const 1) (global.get $divisor))))
  (func (export "divide") (param i32 i32) (result i32)
    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
    (i32.add (call $divide (local.get 0) (local.get 1)) (i32.const 100)))
  (func (export "through") (param i32) (result i32)
    (i32.add (call $through (local.get 0)) (i32.const 100))))
