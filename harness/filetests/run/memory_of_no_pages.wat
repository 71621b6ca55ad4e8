;; A memory of 0 pages: nothing is inside of it.

;; run: size() == 0
;; trap: load8(0): out of bounds memory access
;; trap: load32(0): out of bounds memory access
;; trap: load32(-1): out of bounds memory access
;; trap: load32(-4): out of bounds memory access
;; trap: store8(0): out of bounds memory access
;; run: grow(0) == 0
;; run: grow(1) == -1
;; run: size() == 0
(module
  (memory (export "memory") 0 0)
  (func (export "size") (result i32) (memory.size))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "load8") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "load32") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "store8") (param i32) (i32.store8 (local.get 0) (i32.const 1))))
