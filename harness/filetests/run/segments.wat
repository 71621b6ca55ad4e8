;; Data segments, a start function that sees them, and what both leave.

;; run: load(0) == 0x64636261
;; run: load(4) == 0
;; run: load(100) == 0x04030201
;; run: load(65532) == 0x7a797877
;; run: load(200) == 0x64636266
(module
  (memory (export "memory") 1 1)
  (data (i32.const 0) "abcd")
  (data (i32.const 100) "\01\02")
  (data (i32.const 102) "\03\04")
  (data (i32.const 65532) "wxyz")
  (data (i32.const 65536) "")
  (func $start (i32.store (i32.const 200) (i32.add (i32.load (i32.const 0)) (i32.const 5))))
  (start $start)
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0))))
