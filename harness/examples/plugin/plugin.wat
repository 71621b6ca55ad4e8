;; A plug-in with one function that works, and five that misbehave.
(module
  ;; 3072 bytes: a memory need not be a whole number of 64 KiB pages.
  (memory (export "memory") 3072 3072 (pagesize 1))
  (table 2 2 funcref)
  (elem (i32.const 0) $double)

  (global $calls (mut i32) (i32.const 0))
  (func $double (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))

  ;; How often it was called: nothing that happened in between has hurt the plug-in.
  (func (export "work") (result i32)
    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
    (i32.store (i32.const 3068) (global.get $calls))
    (call_indirect (param i32) (result i32) (i32.load (i32.const 3068)) (i32.const 0)))

  ;; One byte past the end.
  (func (export "outside") (result i32) (i32.load (i32.const 3069)))
  (func (export "divide") (param i32 i32) (result i32)
    (i32.div_s (local.get 0) (local.get 1)))
  (func $recurse (export "recurse") (param i32) (result i32)
    (i32.add (call $recurse (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))
  (func (export "spin") (loop $again (br $again)))
  ;; An entry of the table that is a function of another type, or none.
  (func (export "dispatch") (param i32) (result i64)
    (call_indirect (result i64) (local.get 0))))
