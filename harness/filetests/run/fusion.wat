;; An operand that is shifted by a constant, and multiplies that feed sums.

;; run: add_shl(3, -5) == 2147472057
;; run: add_shl(-2147483648, 305419896) == -1212136976
;; run: add_shr_u(3, -5) == 2013265986
;; run: add_shr_u(-2147483648, 305419896) == -1126236183
;; run: add_shr_s(3, -5) == 64
;; run: add_shr_s(-2147483648, 305419896) == -1126236183
;; run: add_rotr(3, -5) == 536870968
;; run: add_rotr(-2147483648, 305419896) == 558345433
;; run: sub_shl(3, -5) == -2147466099
;; run: sub_shl(-2147483648, 305419896) == 1212136976
;; run: sub_shr_u(3, -5) == -2013260028
;; run: sub_shr_u(-2147483648, 305419896) == 1126236183
;; run: sub_shr_s(3, -5) == 5894
;; run: sub_shr_s(-2147483648, 305419896) == 1126236183
;; run: sub_rotr(3, -5) == -536865010
;; run: sub_rotr(-2147483648, 305419896) == -558345433
;; run: and_shl(3, -5) == 1922
;; run: and_shl(-2147483648, 305419896) == 0
;; run: and_shr_u(3, -5) == 1055
;; run: and_shr_u(-2147483648, 305419896) == 0
;; run: and_shr_s(3, -5) == 1057
;; run: and_shr_s(-2147483648, 305419896) == 0
;; run: and_rotr(3, -5) == 1057
;; run: and_rotr(-2147483648, 305419896) == -2147483648
;; run: or_shl(3, -5) == 2147470135
;; run: or_shl(-2147483648, 305419896) == -1212136976
;; run: or_shr_u(3, -5) == 2013264931
;; run: or_shr_u(-2147483648, 305419896) == -1126236183
;; run: or_shr_s(3, -5) == -993
;; run: or_shr_s(-2147483648, 305419896) == -1126236183
;; run: or_rotr(3, -5) == 536869911
;; run: or_rotr(-2147483648, 305419896) == -1589138215
;; run: xor_shl(3, -5) == 2147468213
;; run: xor_shl(-2147483648, 305419896) == -1212136976
;; run: xor_shr_u(3, -5) == 2013263876
;; run: xor_shr_u(-2147483648, 305419896) == -1126236183
;; run: xor_shr_s(3, -5) == -2050
;; run: xor_shr_s(-2147483648, 305419896) == -1126236183
;; run: xor_rotr(3, -5) == 536868854
;; run: xor_rotr(-2147483648, 305419896) == 558345433
;; run: eq_shl(3, -5) == 0
;; run: eq_shl(-2147483648, 305419896) == 0
;; run: eq_shr_u(3, -5) == 0
;; run: eq_shr_u(-2147483648, 305419896) == 0
;; run: eq_shr_s(3, -5) == 0
;; run: eq_shr_s(-2147483648, 305419896) == 0
;; run: eq_rotr(3, -5) == 0
;; run: eq_rotr(-2147483648, 305419896) == 0
;; run: lt_u_shl(3, -5) == 993
;; run: lt_u_shl(-2147483648, 305419896) == 0
;; run: lt_u_shr_u(3, -5) == 992
;; run: lt_u_shr_u(-2147483648, 305419896) == 0
;; run: lt_u_shr_s(3, -5) == 993
;; run: lt_u_shr_s(-2147483648, 305419896) == 0
;; run: lt_u_rotr(3, -5) == 993
;; run: lt_u_rotr(-2147483648, 305419896) == 31
;; run: mla(3, 4, 5) == 17
;; run: mls(3, 4, 5) == -7
;; run: mla(-3, 2147483647, -2147483648) == 3
;; run: mls(-3, 2147483647, -2147483648) == -3
;; run: mla(65536, 65536, -1) == -1
;; run: mls(65536, 65536, -1) == -1
;; run: bic(61680, 65280) == 240
;; run: orn(61680, 65280) == -3841
;; run: bic(-1, 305419896) == -305419897
;; run: orn(-1, 305419896) == -1
;; run: neg(0) == 0
;; run: neg(1) == -1
;; run: neg(-2147483648) == -2147483648
;; run: neg(-7) == 7
;; run: field(-1) == 2047
;; run: signed_field(-1) == -1
;; run: field(305419896) == 691
;; run: signed_field(305419896) == 418
;; run: field(0) == 0
;; run: signed_field(0) == 0
(module
  (func (export "add_shl") (param i32 i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.add (local.get 0) (i32.shl (local.get 1) (i32.const 1)))) (i32.const 31))
      (i32.add (local.get 0) (i32.shl (local.get 1) (i32.const 5)))) (i32.const 31))
      (i32.add (local.get 0) (i32.shl (local.get 1) (i32.const 31)))))
  (func (export "add_shr_u") (param i32 i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.add (local.get 0) (i32.shr_u (local.get 1) (i32.const 1)))) (i32.const 31))
      (i32.add (local.get 0) (i32.shr_u (local.get 1) (i32.const 5)))) (i32.const 31))
      (i32.add (local.get 0) (i32.shr_u (local.get 1) (i32.const 31)))))
  (func (export "add_shr_s") (param i32 i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.add (local.get 0) (i32.shr_s (local.get 1) (i32.const 1)))) (i32.const 31))
      (i32.add (local.get 0) (i32.shr_s (local.get 1) (i32.const 5)))) (i32.const 31))
      (i32.add (local.get 0) (i32.shr_s (local.get 1) (i32.const 31)))))
  (func (export "add_rotr") (param i32 i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.add (local.get 0) (i32.rotr (local.get 1) (i32.const 1)))) (i32.const 31))
      (i32.add (local.get 0) (i32.rotr (local.get 1) (i32.const 5)))) (i32.const 31))
      (i32.add (local.get 0) (i32.rotr (local.get 1) (i32.const 31)))))
  (func (export "sub_shl") (param i32 i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.sub (local.get 0) (i32.shl (local.get 1) (i32.const 1)))) (i32.const 31))
      (i32.sub (local.get 0) (i32.shl (local.get 1) (i32.const 5)))) (i32.const 31))
      (i32.sub (local.get 0) (i32.shl (local.get 1) (i32.const 31)))))
  (func (export "sub_shr_u") (param i32 i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.sub (local.get 0) (i32.shr_u (local.get 1) (i32.const 1)))) (i32.const 31))
      (i32.sub (local.get 0) (i32.shr_u (local.get 1) (i32.const 5)))) (i32.const 31))
      (i32.sub (local.get 0) (i32.shr_u (local.get 1) (i32.const 31)))))
  (func (export "sub_shr_s") (param i32 i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.sub (local.get 0) (i32.shr_s (local.get 1) (i32.const 1)))) (i32.const 31))
      (i32.sub (local.get 0) (i32.shr_s (local.get 1) (i32.const 5)))) (i32.const 31))
      (i32.sub (local.get 0) (i32.shr_s (local.get 1) (i32.const 31)))))
  (func (export "sub_rotr") (param i32 i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.sub (local.get 0) (i32.rotr (local.get 1) (i32.const 1)))) (i32.const 31))
      (i32.sub (local.get 0) (i32.rotr (local.get 1) (i32.const 5)))) (i32.const 31))
      (i32.sub (local.get 0) (i32.rotr (local.get 1) (i32.const 31)))))
  (func (export "and_shl") (param i32 i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.and (local.get 0) (i32.shl (local.get 1) (i32.const 1)))) (i32.const 31))
      (i32.and (local.get 0) (i32.shl (local.get 1) (i32.const 5)))) (i32.const 31))
      (i32.and (local.get 0) (i32.shl (local.get 1) (i32.const 31)))))
  (func (export "and_shr_u") (param i32 i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.and (local.get 0) (i32.shr_u (local.get 1) (i32.const 1)))) (i32.const 31))
      (i32.and (local.get 0) (i32.shr_u (local.get 1) (i32.const 5)))) (i32.const 31))
      (i32.and (local.get 0) (i32.shr_u (local.get 1) (i32.const 31)))))
  (func (export "and_shr_s") (param i32 i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.and (local.get 0) (i32.shr_s (local.get 1) (i32.const 1)))) (i32.const 31))
      (i32.and (local.get 0) (i32.shr_s (local.get 1) (i32.const 5)))) (i32.const 31))
      (i32.and (local.get 0) (i32.shr_s (local.get 1) (i32.const 31)))))
  (func (export "and_rotr") (param i32 i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.and (local.get 0) (i32.rotr (local.get 1) (i32.const 1)))) (i32.const 31))
      (i32.and (local.get 0) (i32.rotr (local.get 1) (i32.const 5)))) (i32.const 31))
      (i32.and (local.get 0) (i32.rotr (local.get 1) (i32.const 31)))))
  (func (export "or_shl") (param i32 i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.or (local.get 0) (i32.shl (local.get 1) (i32.const 1)))) (i32.const 31))
      (i32.or (local.get 0) (i32.shl (local.get 1) (i32.const 5)))) (i32.const 31))
      (i32.or (local.get 0) (i32.shl (local.get 1) (i32.const 31)))))
  (func (export "or_shr_u") (param i32 i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.or (local.get 0) (i32.shr_u (local.get 1) (i32.const 1)))) (i32.const 31))
      (i32.or (local.get 0) (i32.shr_u (local.get 1) (i32.const 5)))) (i32.const 31))
      (i32.or (local.get 0) (i32.shr_u (local.get 1) (i32.const 31)))))
  (func (export "or_shr_s") (param i32 i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.or (local.get 0) (i32.shr_s (local.get 1) (i32.const 1)))) (i32.const 31))
      (i32.or (local.get 0) (i32.shr_s (local.get 1) (i32.const 5)))) (i32.const 31))
      (i32.or (local.get 0) (i32.shr_s (local.get 1) (i32.const 31)))))
  (func (export "or_rotr") (param i32 i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.or (local.get 0) (i32.rotr (local.get 1) (i32.const 1)))) (i32.const 31))
      (i32.or (local.get 0) (i32.rotr (local.get 1) (i32.const 5)))) (i32.const 31))
      (i32.or (local.get 0) (i32.rotr (local.get 1) (i32.const 31)))))
  (func (export "xor_shl") (param i32 i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.xor (local.get 0) (i32.shl (local.get 1) (i32.const 1)))) (i32.const 31))
      (i32.xor (local.get 0) (i32.shl (local.get 1) (i32.const 5)))) (i32.const 31))
      (i32.xor (local.get 0) (i32.shl (local.get 1) (i32.const 31)))))
  (func (export "xor_shr_u") (param i32 i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.xor (local.get 0) (i32.shr_u (local.get 1) (i32.const 1)))) (i32.const 31))
      (i32.xor (local.get 0) (i32.shr_u (local.get 1) (i32.const 5)))) (i32.const 31))
      (i32.xor (local.get 0) (i32.shr_u (local.get 1) (i32.const 31)))))
  (func (export "xor_shr_s") (param i32 i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.xor (local.get 0) (i32.shr_s (local.get 1) (i32.const 1)))) (i32.const 31))
      (i32.xor (local.get 0) (i32.shr_s (local.get 1) (i32.const 5)))) (i32.const 31))
      (i32.xor (local.get 0) (i32.shr_s (local.get 1) (i32.const 31)))))
  (func (export "xor_rotr") (param i32 i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.xor (local.get 0) (i32.rotr (local.get 1) (i32.const 1)))) (i32.const 31))
      (i32.xor (local.get 0) (i32.rotr (local.get 1) (i32.const 5)))) (i32.const 31))
      (i32.xor (local.get 0) (i32.rotr (local.get 1) (i32.const 31)))))
  (func (export "eq_shl") (param i32 i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.eq (local.get 0) (i32.shl (local.get 1) (i32.const 1)))) (i32.const 31))
      (i32.eq (local.get 0) (i32.shl (local.get 1) (i32.const 5)))) (i32.const 31))
      (i32.eq (local.get 0) (i32.shl (local.get 1) (i32.const 31)))))
  (func (export "eq_shr_u") (param i32 i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.eq (local.get 0) (i32.shr_u (local.get 1) (i32.const 1)))) (i32.const 31))
      (i32.eq (local.get 0) (i32.shr_u (local.get 1) (i32.const 5)))) (i32.const 31))
      (i32.eq (local.get 0) (i32.shr_u (local.get 1) (i32.const 31)))))
  (func (export "eq_shr_s") (param i32 i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.eq (local.get 0) (i32.shr_s (local.get 1) (i32.const 1)))) (i32.const 31))
      (i32.eq (local.get 0) (i32.shr_s (local.get 1) (i32.const 5)))) (i32.const 31))
      (i32.eq (local.get 0) (i32.shr_s (local.get 1) (i32.const 31)))))
  (func (export "eq_rotr") (param i32 i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.eq (local.get 0) (i32.rotr (local.get 1) (i32.const 1)))) (i32.const 31))
      (i32.eq (local.get 0) (i32.rotr (local.get 1) (i32.const 5)))) (i32.const 31))
      (i32.eq (local.get 0) (i32.rotr (local.get 1) (i32.const 31)))))
  (func (export "lt_u_shl") (param i32 i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.lt_u (local.get 0) (i32.shl (local.get 1) (i32.const 1)))) (i32.const 31))
      (i32.lt_u (local.get 0) (i32.shl (local.get 1) (i32.const 5)))) (i32.const 31))
      (i32.lt_u (local.get 0) (i32.shl (local.get 1) (i32.const 31)))))
  (func (export "lt_u_shr_u") (param i32 i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.lt_u (local.get 0) (i32.shr_u (local.get 1) (i32.const 1)))) (i32.const 31))
      (i32.lt_u (local.get 0) (i32.shr_u (local.get 1) (i32.const 5)))) (i32.const 31))
      (i32.lt_u (local.get 0) (i32.shr_u (local.get 1) (i32.const 31)))))
  (func (export "lt_u_shr_s") (param i32 i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.lt_u (local.get 0) (i32.shr_s (local.get 1) (i32.const 1)))) (i32.const 31))
      (i32.lt_u (local.get 0) (i32.shr_s (local.get 1) (i32.const 5)))) (i32.const 31))
      (i32.lt_u (local.get 0) (i32.shr_s (local.get 1) (i32.const 31)))))
  (func (export "lt_u_rotr") (param i32 i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.lt_u (local.get 0) (i32.rotr (local.get 1) (i32.const 1)))) (i32.const 31))
      (i32.lt_u (local.get 0) (i32.rotr (local.get 1) (i32.const 5)))) (i32.const 31))
      (i32.lt_u (local.get 0) (i32.rotr (local.get 1) (i32.const 31)))))
  (func (export "mla") (param i32 i32 i32) (result i32)
    (i32.add (local.get 2) (i32.mul (local.get 0) (local.get 1))))
  (func (export "mls") (param i32 i32 i32) (result i32)
    (i32.sub (local.get 2) (i32.mul (local.get 0) (local.get 1))))
  (func (export "bic") (param i32 i32) (result i32)
    (i32.and (local.get 0) (i32.xor (local.get 1) (i32.const -1))))
  (func (export "orn") (param i32 i32) (result i32)
    (i32.or (local.get 0) (i32.xor (local.get 1) (i32.const -1))))
  (func (export "neg") (param i32) (result i32)
    (i32.sub (i32.const 0) (local.get 0)))
  (func (export "field") (param i32) (result i32)
    (i32.and (i32.shr_u (local.get 0) (i32.const 5)) (i32.const 0x7ff)))
  (func (export "signed_field") (param i32) (result i32)
    (i32.shr_s (i32.shl (local.get 0) (i32.const 7)) (i32.const 20)))
)
