;; Traps of every depth: in an export, behind calls, behind an import, without end, with results of every
;; kind.
(module
  (import "env" "call" (func $call (param i32) (result i32)))
  (memory (export "memory") 1)
  (table 2 funcref)
  (elem (i32.const 0) $nothing)
  (func $nothing)
  (func $quotient (param i32 i32) (result i32) (i32.div_u (local.get 0) (local.get 1)))
  (func (export "divide") (param i32 i32) (result i32)
    (i32.add (call $quotient (local.get 0) (local.get 1)) (i32.const 0)))
  (func (export "load") (param i32) (result i64) (i64.load (local.get 0)))
  (func (export "root") (param f64) (result f64)
    (if (f64.lt (local.get 0) (f64.const 0)) (then unreachable))
    (f64.sqrt (local.get 0)))
  (func (export "indirect") (param i32) (result i32)
    (call_indirect (result i32) (local.get 0)))
  ;; The host's answer and one more, which a trap behind the host's function does not change.
  (func (export "through") (param i32) (result i32)
    (i32.add (call $call (local.get 0)) (i32.const 1)))
  (func $forever (export "forever") (param i32) (result i32)
    (i32.add (call $forever (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))
  ;; Nobody calls it.
  (func (export "unused") (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0))))
