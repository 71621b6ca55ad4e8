;; Loads and stores of every width, at every alignment, up to the end of the memory and beyond.

;; run: put32(0, 0x80ff7f01)
;; run: load8_u(0) == 1
;; run: load8_u(2) == 255
;; run: load8_s(2) == -1
;; run: load8_s(1) == 127
;; run: load16_u(2) == 33023
;; run: load16_s(2) == -32513
;; run: load16_s(0) == 32513
;; run: load32(0) == 0x80ff7f01
;; run: load32(1) == 0x0080ff7f
;; run: load32(3) == 0x00000080
;; run: put8(5, 0x1ff)
;; run: load32(3) == 0x00ff0080
;; run: put16(7, 0x12345)
;; run: load32(5) == 0x234500ff
;; run: load32(65532) == 0
;; trap: load32(65533): out of bounds memory access
;; trap: load32(65535): out of bounds memory access
;; trap: load32(65536): out of bounds memory access
;; trap: load32(-1): out of bounds memory access
;; trap: load32(-4): out of bounds memory access
;; run: load16_u(65534) == 0
;; trap: load16_u(65535): out of bounds memory access
;; trap: load16_s(-2): out of bounds memory access
;; run: load8_u(65535) == 0
;; trap: load8_u(65536): out of bounds memory access
;; trap: load8_s(-1): out of bounds memory access
;; run: put8(65535, 77)
;; run: load8_u(65535) == 77
;; trap: put8(65536, 1): out of bounds memory access
;; trap: put16(65535, -1): out of bounds memory access
;; run: load8_u(65535) == 77
;; trap: put32(65533, -1): out of bounds memory access
;; run: load32(65532) == 0x4d000000
;; run: put32(65532, 0x01020304)
;; run: load32(65532) == 0x01020304

;; Offsets: the sum of address and offset has 33 bits.
;; run: at_100(0) == 0
;; run: at_100(65432) == 0x01020304
;; trap: at_100(65433): out of bounds memory access
;; trap: at_100(-100): out of bounds memory access
;; trap: at_100(-104): out of bounds memory access
;; run: at_5000(60532) == 0x01020304
;; trap: at_5000(60533): out of bounds memory access
;; trap: at_5000(-5000): out of bounds memory access
;; run: at_last(0) == 0x01020304
;; trap: at_last(1): out of bounds memory access
;; trap: at_last(-1): out of bounds memory access
;; trap: beyond(0): out of bounds memory access
;; trap: beyond(-1): out of bounds memory access
;; trap: at_2_31(0): out of bounds memory access
;; trap: at_2_31(0x80000000): out of bounds memory access
;; trap: at_max(0): out of bounds memory access
;; trap: at_max(1): out of bounds memory access
;; trap: at_max(4): out of bounds memory access
;; trap: put_at_max(1, 5): out of bounds memory access

;; Constant addresses and computed ones.
;; run: const_in() == 0x01020304
;; trap: const_out(): out of bounds memory access
;; run: fill(1000, 3)
;; run: indexed(1000, 0) == 3
;; run: indexed(1000, 2) == 5
;; run: indexed(1000, 7) == 10
;; run: indexed_by_shift(1000, 1) == 4
;; trap: indexed(65536, 0): out of bounds memory access
;; run: indexed(1004, -1) == 3
;; run: sum_bytes(1000, 32) == 52
(module
  (memory (export "memory") 1 1)
  (func (export "load8_u") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "load8_s") (param i32) (result i32) (i32.load8_s (local.get 0)))
  (func (export "load16_u") (param i32) (result i32) (i32.load16_u align=1 (local.get 0)))
  (func (export "load16_s") (param i32) (result i32) (i32.load16_s (local.get 0)))
  (func (export "load32") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "put8") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))
  (func (export "put16") (param i32 i32) (i32.store16 (local.get 0) (local.get 1)))
  (func (export "put32") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
  (func (export "at_100") (param i32) (result i32) (i32.load offset=100 (local.get 0)))
  (func (export "at_5000") (param i32) (result i32) (i32.load offset=5000 (local.get 0)))
  (func (export "at_last") (param i32) (result i32) (i32.load offset=65532 (local.get 0)))
  (func (export "beyond") (param i32) (result i32) (i32.load offset=65536 (local.get 0)))
  (func (export "at_2_31") (param i32) (result i32)
    (i32.load offset=0x80000000 (local.get 0)))
  (func (export "at_max") (param i32) (result i32) (i32.load offset=0xffffffff (local.get 0)))
  (func (export "put_at_max") (param i32 i32)
    (i32.store offset=0xffffffff (local.get 0) (local.get 1)))
  (func (export "const_in") (result i32) (i32.load (i32.const 65532)))
  (func (export "const_out") (result i32) (i32.load (i32.const 65533)))
  (func (export "fill") (param i32 i32) (local i32)
    (loop
      (i32.store (i32.add (local.get 0) (i32.shl (local.get 2) (i32.const 2)))
        (i32.add (local.get 1) (local.get 2)))
      (br_if 0
        (i32.lt_u (local.tee 2 (i32.add (local.get 2) (i32.const 1))) (i32.const 8)))))
  (func (export "indexed") (param i32 i32) (result i32)
    (i32.load (i32.add (local.get 0) (i32.mul (local.get 1) (i32.const 4)))))
  (func (export "indexed_by_shift") (param i32 i32) (result i32)
    (i32.load (i32.add (i32.shl (local.get 1) (i32.const 2)) (local.get 0))))
  (func (export "sum_bytes") (param i32 i32) (result i32) (local i32)
    (block
      (loop
        (br_if 1 (i32.eqz (local.get 1)))
        (local.set 2 (i32.add (local.get 2) (i32.load8_u (local.get 0))))
        (local.set 0 (i32.add (local.get 0) (i32.const 1)))
        (local.set 1 (i32.sub (local.get 1) (i32.const 1)))
        (br 0)))
    (local.get 2)))
