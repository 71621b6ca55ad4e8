;; Floats between a host and a module, in all ways in which C passes and returns them.
(module
  (import "env" "reverse_singles" (func $singles (param f32 f32 f32 f32) (result f32 f32 f32 f32)))
  (import "env" "reverse_doubles" (func $doubles (param f64 f64) (result f64 f64)))
  (import "env" "reverse_mixed" (func $mixed (param f64 i32 f32 i64) (result i64 f32 i32 f64)))
  (import "env" "reverse_one" (func $one (param f64) (result f64)))
  (memory 1)
  (table funcref (elem $divide $hypotenuse))
  (type $binary (func (param f64 f32) (result f64)))

  (func (export "singles") (param f32 f32 f32 f32) (result f32 f32 f32 f32)
    (call $singles (local.get 3) (local.get 0) (local.get 2) (local.get 1)))
  (func (export "doubles") (param f64 f64) (result f64 f64)
    (call $doubles (f64.neg (local.get 0)) (local.get 1)))
  (func (export "mixed") (param f64 i32 f32 i64) (result f64 i32 f32 i64)
    (local i64 f32 i32 f64)
    (call $mixed (local.get 0) (local.get 1) (local.get 2) (local.get 3))
    (local.set 7) (local.set 6) (local.set 5) (local.set 4)
    (local.get 7) (local.get 6) (local.get 5) (local.get 4))
  (func (export "five") (param f32) (result f32 f32 f32 f32 f32)
    (local.get 0) (f32.add (local.get 0) (f32.const 1)) (f32.mul (local.get 0) (f32.const 2))
    (f32.sqrt (local.get 0)) (f32.neg (local.get 0)))
  (func (export "many")
    (param f32 f64 f32 i32 f64 f32 f64 f64 f32 i64 f64 f32 f64 f32 f32 f64 i32 f32) (result f64)
    (f64.sub (local.get 15)
      (f64.sub (f64.promote_f32 (local.get 17))
        (f64.add (f64.promote_f32 (f32.sub (local.get 14) (f32.div (local.get 2) (local.get 0))))
          (f64.sub (f64.mul (local.get 10) (f64.convert_i64_s (local.get 9)))
            (f64.mul (local.get 12) (f64.convert_i32_u (local.get 16))))))))

  (func $divide (type $binary) (f64.div (local.get 0) (f64.promote_f32 (local.get 1))))
  (func $hypotenuse (type $binary)
    (f64.sqrt (f64.add (f64.mul (local.get 0) (local.get 0))
      (f64.promote_f32 (f32.mul (local.get 1) (local.get 1))))))
  (func (export "indirect") (param i32 f64 f32) (result f64)
    (call_indirect (type $binary) (local.get 1) (local.get 2) (local.get 0)))

  ;; Unaligned.
  (func (export "memory") (param i32 f32 f64) (result f64)
    (f32.store offset=1 (local.get 0) (local.get 1))
    (f64.store offset=5 align=1 (local.get 0) (local.get 2))
    (f64.add (f64.promote_f32 (f32.load offset=1 (local.get 0)))
      (f64.load offset=5 (local.get 0))))

  ;; Traps with floats in the registers that the entry's caller wants back.
  (func (export "deep") (param f32 f64 i32) (result i32)
    (local f32 f32 f32 f64 f64)
    (local.set 3 (f32.add (local.get 0) (f32.const 1)))
    (local.set 4 (f32.add (local.get 3) (f32.const 1)))
    (local.set 5 (f32.mul (local.get 4) (local.get 3)))
    (local.set 6 (f64.add (local.get 1) (f64.const 0.5)))
    (local.set 7 (call $one (f64.mul (local.get 6) (local.get 1))))
    (i32.add
      (i32.trunc_f32_s (f32.div (f32.sub (local.get 5) (local.get 4))
        (f32.add (local.get 3) (f32.convert_i32_s (local.get 2)))))
      (i32.trunc_f64_u (f64.sub (call $one (local.get 7)) (local.get 6)))))
  (func (export "trap_of_a_single") (param f32) (result f32)
    (drop (i64.trunc_f32_s (local.get 0))) (local.get 0))
  (func (export "trap_of_doubles") (param f64) (result f64 f64)
    (drop (i32.trunc_f64_u (local.get 0))) (local.get 0) (local.get 0)))

;; run: singles(1, 2, 3, 4) == 2, 3, 1, 4
;; run: doubles(1.5, 2.5) == 2.5, -1.5
;; run: mixed(0.1, -7, 2.25, 123456789012) == 0.1, -7, 2.25, 123456789012
;; run: five(16) == 16, 17, 32, 4, -16
;; run: many(2, 0, 3, 0, 0, 0, 0, 0, 0, -9, 0.25, 0, 1.5, 0, 7, 100, 3, 8) == 90.75
;; run: indirect(0, 1, 4) == 0.25
;; run: indirect(1, 3, 4) == 5
;; run: memory(0, 1.5, 2.25) == 3.75
;; run: memory(65523, 1.5, 2.25) == 3.75
;; trap: memory(65524, 1.5, 2.25): out of bounds memory access
;; run: deep(1, 2, 0) == 3
;; trap: deep(1, 2, -2): integer overflow
;; trap: deep(inf, 2, 0): invalid conversion to integer
;; trap: deep(1, nan, 0): invalid conversion to integer
;; run: deep(1, 2, 0) == 3
;; run: trap_of_a_single(-2.5) == -2.5
;; trap: trap_of_a_single(9223372036854775808): integer overflow
;; run: trap_of_doubles(4294967295.5) == 4294967295.5, 4294967295.5
;; trap: trap_of_doubles(-1): integer overflow
