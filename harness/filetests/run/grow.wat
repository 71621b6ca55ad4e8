;; memory.grow within what the host handed over: three pages, which is also the maximum.

;; memory: 196608
;; run: size() == 1
;; trap: load(65536): out of bounds memory access
;; run: store_grow_store() == 1
;; run: size() == 2
;; run: load(65536) == 99
;; run: load(131068) == 0
;; trap: load(131069): out of bounds memory access
;; run: grow(2) == -1
;; run: grow(-1) == -1
;; run: grow(0x7fffffff) == -1
;; run: size() == 2
;; run: grow(0) == 2
;; run: grow(1) == 2
;; run: grow(1) == -1
;; run: size() == 3
;; run: load(196604) == 0
;; trap: load(196605): out of bounds memory access
(module
  (memory (export "memory") 1 3)
  (func (export "size") (result i32) (memory.size))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "store_grow_store") (result i32) (local i32)
    (i32.store (i32.const 65532) (i32.const 98))
    (local.set 0 (memory.grow (i32.const 1)))
    (i32.store (i32.const 65536) (i32.const 99))
    (local.get 0)))
