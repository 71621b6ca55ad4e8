;; Comparisons of i64 with constants at the edges of each half.

;; run: above_minus_one(-1) == 0
;; run: above_minus_one(0) == 1
;; run: above_minus_one(0x8000000000000000) == 0
;; run: above_minus_one(0x7fffffffffffffff) == 1
;; run: up_to_minus_one(-1) == 1
;; run: up_to_minus_one(0) == 0
;; run: up_to_minus_one(0x8000000000000000) == 1
;; run: above_half(0xffffffff) == 0
;; run: above_half(0x100000000) == 1
;; run: above_half(-1) == 0
;; run: above_half_unsigned(0xffffffff) == 0
;; run: above_half_unsigned(0x100000000) == 1
;; run: above_half_unsigned(-1) == 1
;; run: above_greatest(0x7fffffffffffffff) == 0
;; run: above_greatest(-1) == 0
;; run: above_greatest_unsigned(-1) == 0
;; run: up_to_greatest(-1) == 1
;; run: up_to_greatest_unsigned(-1) == 1
(module
  (func (export "above_minus_one") (param i64) (result i32) (i64.gt_s (local.get 0) (i64.const -1)))
  (func (export "up_to_minus_one") (param i64) (result i32) (i64.le_s (local.get 0) (i64.const -1)))
  (func (export "above_half") (param i64) (result i32) (i64.gt_s (local.get 0) (i64.const 0xffffffff)))
  (func (export "above_half_unsigned") (param i64) (result i32) (i64.gt_u (local.get 0) (i64.const 0xffffffff)))
  (func (export "above_greatest") (param i64) (result i32)
    (i64.gt_s (local.get 0) (i64.const 0x7fffffffffffffff)))
  (func (export "above_greatest_unsigned") (param i64) (result i32) (i64.gt_u (local.get 0) (i64.const -1)))
  (func (export "up_to_greatest") (param i64) (result i32)
    (i64.le_s (local.get 0) (i64.const 0x7fffffffffffffff)))
  (func (export "up_to_greatest_unsigned") (param i64) (result i32) (i64.le_u (local.get 0) (i64.const -1))))
