;; memory.fill, memory.copy and memory.init: any length, overlapping, up to the last byte and not beyond.

;; memory: 131072
;; run: load(65532) == 0
;; run: fill(100, 0x15a, 7) == 0x5a
;; run: load(96) == 0
;; run: load(100) == 0x5a5a5a5a
;; run: load(103) == 0x5a5a5a5a
;; run: load(104) == 0x005a5a5a
;; run: fill(65536, 1, 0) == 0
;; trap: fill(65537, 1, 0): out of bounds memory access
;; trap: fill(65535, 1, 2): out of bounds memory access
;; run: load(65532) == 0
;; run: init(200, 1, 5) == 0x62
;; run: load(200) == 0x65646362
;; trap: init(200, 4, 3): out of bounds memory access
;; run: copy(201, 200, 5) == 0x62
;; run: load(200) == 0x64636262
;; run: copy(200, 201, 5) == 0x62
;; run: load(202) == 0x66666564
;; trap: copy(0, 65530, 7): out of bounds memory access
;; trap: copy(65530, 0, 7): out of bounds memory access
;; run: fill(65530, 0xff, 6) == 0xff
;; run: grow(1) == 1
;; run: load(65534) == 0xffff
;; run: fill(65535, 0x11, 2) == 0x11
;; run: load(65534) == 0x1111ff
(module
  (memory (export "memory") 1 2)
  (data "abcdef")
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  ;; Each answers the first byte at the destination, zero beyond the memory.
  (func $first (param i32) (result i32)
    (if (result i32) (i32.lt_u (local.get 0) (i32.const 65536))
      (then (i32.load8_u (local.get 0)))
      (else (i32.const 0))))
  (func (export "fill") (param i32 i32 i32) (result i32)
    (memory.fill (local.get 0) (local.get 1) (local.get 2))
    (call $first (local.get 0)))
  (func (export "copy") (param i32 i32 i32) (result i32)
    (memory.copy (local.get 0) (local.get 1) (local.get 2))
    (call $first (local.get 0)))
  (func (export "init") (param i32 i32 i32) (result i32)
    (memory.init 0 (local.get 0) (local.get 1) (local.get 2))
    (call $first (local.get 0))))
