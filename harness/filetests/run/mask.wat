;; Accesses under a mask: inside as ever; beyond they wrap, and across the end they reach 8 guard bytes, no more.

;; bounds: mask
;; memory: 65544

;; Inside, the same as with checks.
;; run: put32(0, 0x80ff7f01)
;; run: load32(0) == 0x80ff7f01
;; run: load8_s(2) == -1
;; run: load16_u(2) == 33023
;; run: put32(65532, 0x01020304)
;; run: load32(65532) == 0x01020304
;; run: load16_u(65534) == 0x0102
;; run: load8_u(65535) == 1
;; run: put64(65528, 0x1112131415161718)
;; run: load64(65528) == 0x1112131415161718
;; run: put_f64(8, -0.5)
;; run: load_f64(8) == -0.5
;; run: load64(8) == 0xbfe0000000000000
;; run: at_100(65432) == 0x11121314
;; run: at_last(0) == 0x11121314
;; run: const_in() == 0x11121314
;; run: size() == 1

;; Beyond: modulo 65536, the static offset included.
;; emulator: load32(65536) == 0x80ff7f01
;; emulator: load8_s(65538) == -1
;; emulator: load16_u(0x80000002) == 33023
;; emulator: load32(-8) == 0x15161718
;; emulator: load64(-8) == 0x1112131415161718
;; emulator: load_f64(0xffff0008) == -0.5
;; emulator: at_100(65436) == 0x80ff7f01
;; emulator: at_100(-100) == 0x80ff7f01
;; emulator: at_100(-104) == 0x11121314
;; emulator: at_last(4) == 0x80ff7f01
;; emulator: at_last(-4) == 0x15161718
;; emulator: beyond(0) == 0x80ff7f01
;; emulator: beyond(-4) == 0x11121314
;; emulator: at_max(1) == 0x80ff7f01
;; emulator: at_max(-3) == 0x11121314
;; emulator: put_at_max(0x10001, 0x7a7b7c7d)
;; emulator: load32(0) == 0x7a7b7c7d
;; emulator: const_beyond() == 0x7a7b7c7d
;; emulator: const_around() == 0x7a7b7c7d
;; emulator: put8(0x12345, 0x5a)
;; emulator: load8_u(0x2345) == 0x5a

;; Across the end: what is stored is read back, and nothing at the start changes.
;; run: put64(0, 0x0807060504030201)
;; emulator: put16(65535, 0xbbaa)
;; emulator: load16_u(65535) == 0xbbaa
;; emulator: load8_u(65535) == 0xaa
;; emulator: put32(65533, 0xd4d3d2d1)
;; emulator: load32(65533) == 0xd4d3d2d1
;; emulator: put64(65535, 0xc8c7c6c5c4c3c2c1)
;; emulator: load64(65535) == 0xc8c7c6c5c4c3c2c1
;; emulator: load8_u(65535) == 0xc1
;; emulator: put_f64(0x1fffd, 1.25)
;; emulator: load_f64(65533) == 1.25
;; emulator: put_f32(65534, 2.5)
;; emulator: load_f32(-2) == 2.5
;; run: load64(0) == 0x0807060504030201

;; A loop that runs over the end starts again at the front.
;; emulator: fill(65532, 100)
;; emulator: load32(0) == 101
;; emulator: load32(65532) == 100

;; The size stays: growing fails, growing by nothing answers the size.
;; emulator: grow(0) == 1
;; emulator: grow(1) == -1
;; emulator: grow(-1) == -1
;; run: size() == 1

;; Bulk operations are checked.
;; run: bulk_fill(65530, 0x77, 6)
;; run: load32(65532) == 0x77777777
;; trap: bulk_fill(65530, 0, 7): out of bounds memory access
;; trap: bulk_fill(65537, 0, 0): out of bounds memory access
;; trap: bulk_fill(-1, 0, 2): out of bounds memory access
;; run: bulk_copy(4, 65530, 6)
;; run: load32(4) == 0x77777777
;; trap: bulk_copy(0, 65530, 7): out of bounds memory access
;; trap: bulk_copy(65535, 0, 2): out of bounds memory access
;; run: init(65533, 0, 3)
;; run: load32(65532) == 0x63626177
;; trap: init(65534, 0, 3): out of bounds memory access
;; trap: init(0, 1, 3): out of bounds memory access
(module
  (memory (export "memory") 1 2)
  (data "abc")
  (func (export "load8_u") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "load8_s") (param i32) (result i32) (i32.load8_s (local.get 0)))
  (func (export "load16_u") (param i32) (result i32) (i32.load16_u (local.get 0)))
  (func (export "load32") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "load64") (param i32) (result i64) (i64.load (local.get 0)))
  (func (export "load_f32") (param i32) (result f32) (f32.load (local.get 0)))
  (func (export "load_f64") (param i32) (result f64) (f64.load (local.get 0)))
  (func (export "put8") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))
  (func (export "put16") (param i32 i32) (i32.store16 (local.get 0) (local.get 1)))
  (func (export "put32") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
  (func (export "put64") (param i32 i64) (i64.store (local.get 0) (local.get 1)))
  (func (export "put_f32") (param i32 f32) (f32.store (local.get 0) (local.get 1)))
  (func (export "put_f64") (param i32 f64) (f64.store (local.get 0) (local.get 1)))
  (func (export "at_100") (param i32) (result i32) (i32.load offset=100 (local.get 0)))
  (func (export "at_last") (param i32) (result i32) (i32.load offset=65532 (local.get 0)))
  (func (export "beyond") (param i32) (result i32) (i32.load offset=65536 (local.get 0)))
  (func (export "at_max") (param i32) (result i32) (i32.load offset=0xffffffff (local.get 0)))
  (func (export "put_at_max") (param i32 i32)
    (i32.store offset=0xffffffff (local.get 0) (local.get 1)))
  (func (export "const_in") (result i32) (i32.load (i32.const 65532)))
  (func (export "const_beyond") (result i32) (i32.load (i32.const 65536)))
  (func (export "const_around") (result i32) (i32.load offset=0xffff0004 (i32.const 0xfffc)))
  ;; Four words from an address on, counting up.
  (func (export "fill") (param i32 i32) (local i32)
    (loop
      (i32.store (i32.add (local.get 0) (i32.shl (local.get 2) (i32.const 2)))
        (i32.add (local.get 1) (local.get 2)))
      (br_if 0
        (i32.lt_u (local.tee 2 (i32.add (local.get 2) (i32.const 1))) (i32.const 4)))))
  (func (export "size") (result i32) (memory.size))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "bulk_fill") (param i32 i32 i32)
    (memory.fill (local.get 0) (local.get 1) (local.get 2)))
  (func (export "bulk_copy") (param i32 i32 i32)
    (memory.copy (local.get 0) (local.get 1) (local.get 2)))
  (func (export "init") (param i32 i32 i32)
    (memory.init 0 (local.get 0) (local.get 1) (local.get 2))))
