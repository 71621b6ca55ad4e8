;; Every integer operator on values at the edges of its domain.

;; run: add(0, 0) == 0
;; run: add(1, -1) == 0
;; run: add(2147483647, 1) == -2147483648
;; run: add(-2147483648, -1) == 2147483647
;; run: add(123456789, -987654321) == -864197532
;; run: sub(0, 0) == 0
;; run: sub(1, -1) == 2
;; run: sub(2147483647, 1) == 2147483646
;; run: sub(-2147483648, -1) == -2147483647
;; run: sub(123456789, -987654321) == 1111111110
;; run: mul(0, 0) == 0
;; run: mul(1, -1) == -1
;; run: mul(2147483647, 1) == 2147483647
;; run: mul(-2147483648, -1) == -2147483648
;; run: mul(123456789, -987654321) == 67153019
;; run: and(0, 0) == 0
;; run: and(1, -1) == 1
;; run: and(2147483647, 1) == 1
;; run: and(-2147483648, -1) == -2147483648
;; run: and(123456789, -987654321) == 83985669
;; run: or(0, 0) == 0
;; run: or(1, -1) == -1
;; run: or(2147483647, 1) == 2147483647
;; run: or(-2147483648, -1) == -1
;; run: or(123456789, -987654321) == -948183201
;; run: xor(0, 0) == 0
;; run: xor(1, -1) == -2
;; run: xor(2147483647, 1) == 2147483646
;; run: xor(-2147483648, -1) == 2147483647
;; run: xor(123456789, -987654321) == -1032168870
;; run: shl(1, 0) == 1
;; run: shl(-2, 1) == -4
;; run: shl(-2147483648, 31) == 0
;; run: shl(305419896, 32) == 305419896
;; run: shl(305419896, 33) == 610839792
;; run: shl(-1, -1) == -2147483648
;; run: shr_u(1, 0) == 1
;; run: shr_u(-2, 1) == 2147483647
;; run: shr_u(-2147483648, 31) == 1
;; run: shr_u(305419896, 32) == 305419896
;; run: shr_u(305419896, 33) == 152709948
;; run: shr_u(-1, -1) == 1
;; run: shr_s(1, 0) == 1
;; run: shr_s(-2, 1) == -1
;; run: shr_s(-2147483648, 31) == -1
;; run: shr_s(305419896, 32) == 305419896
;; run: shr_s(305419896, 33) == 152709948
;; run: shr_s(-1, -1) == -1
;; run: rotl(1, 0) == 1
;; run: rotl(-2, 1) == -3
;; run: rotl(-2147483648, 31) == 1073741824
;; run: rotl(305419896, 32) == 305419896
;; run: rotl(305419896, 33) == 610839792
;; run: rotl(-1, -1) == -1
;; run: rotr(1, 0) == 1
;; run: rotr(-2, 1) == 2147483647
;; run: rotr(-2147483648, 31) == 1
;; run: rotr(305419896, 32) == 305419896
;; run: rotr(305419896, 33) == 152709948
;; run: rotr(-1, -1) == -1
;; run: eq(0, 0) == 1
;; run: eq(1, 2) == 0
;; run: eq(-1, 1) == 0
;; run: eq(-2147483648, 2147483647) == 0
;; run: ne(0, 0) == 0
;; run: ne(1, 2) == 1
;; run: ne(-1, 1) == 1
;; run: ne(-2147483648, 2147483647) == 1
;; run: lt_s(0, 0) == 0
;; run: lt_s(1, 2) == 1
;; run: lt_s(-1, 1) == 1
;; run: lt_s(-2147483648, 2147483647) == 1
;; run: lt_u(0, 0) == 0
;; run: lt_u(1, 2) == 1
;; run: lt_u(-1, 1) == 0
;; run: lt_u(-2147483648, 2147483647) == 0
;; run: gt_s(0, 0) == 0
;; run: gt_s(1, 2) == 0
;; run: gt_s(-1, 1) == 0
;; run: gt_s(-2147483648, 2147483647) == 0
;; run: gt_u(0, 0) == 0
;; run: gt_u(1, 2) == 0
;; run: gt_u(-1, 1) == 1
;; run: gt_u(-2147483648, 2147483647) == 1
;; run: le_s(0, 0) == 1
;; run: le_s(1, 2) == 1
;; run: le_s(-1, 1) == 1
;; run: le_s(-2147483648, 2147483647) == 1
;; run: le_u(0, 0) == 1
;; run: le_u(1, 2) == 1
;; run: le_u(-1, 1) == 0
;; run: le_u(-2147483648, 2147483647) == 0
;; run: ge_s(0, 0) == 1
;; run: ge_s(1, 2) == 0
;; run: ge_s(-1, 1) == 0
;; run: ge_s(-2147483648, 2147483647) == 0
;; run: ge_u(0, 0) == 1
;; run: ge_u(1, 2) == 0
;; run: ge_u(-1, 1) == 1
;; run: ge_u(-2147483648, 2147483647) == 1
;; run: div_s(7, 2) == 3
;; run: div_s(-7, 2) == -3
;; run: div_s(7, -2) == -3
;; run: div_s(-7, -2) == 3
;; run: div_s(-2147483648, 1) == -2147483648
;; run: div_s(-2147483648, 2) == -1073741824
;; run: div_s(-1, -2147483648) == 0
;; run: div_s(2147483647, -2147483648) == 0
;; run: div_s(0, 5) == 0
;; run: div_u(7, 2) == 3
;; run: div_u(-7, 2) == 2147483644
;; run: div_u(7, -2) == 0
;; run: div_u(-7, -2) == 0
;; run: div_u(-2147483648, 1) == -2147483648
;; run: div_u(-2147483648, 2) == 1073741824
;; run: div_u(-1, -2147483648) == 1
;; run: div_u(2147483647, -2147483648) == 0
;; run: div_u(0, 5) == 0
;; run: rem_s(7, 2) == 1
;; run: rem_s(-7, 2) == -1
;; run: rem_s(7, -2) == 1
;; run: rem_s(-7, -2) == -1
;; run: rem_s(-2147483648, 1) == 0
;; run: rem_s(-2147483648, 2) == 0
;; run: rem_s(-1, -2147483648) == -1
;; run: rem_s(2147483647, -2147483648) == 2147483647
;; run: rem_s(0, 5) == 0
;; run: rem_u(7, 2) == 1
;; run: rem_u(-7, 2) == 1
;; run: rem_u(7, -2) == 7
;; run: rem_u(-7, -2) == -7
;; run: rem_u(-2147483648, 1) == 0
;; run: rem_u(-2147483648, 2) == 0
;; run: rem_u(-1, -2147483648) == 2147483647
;; run: rem_u(2147483647, -2147483648) == 2147483647
;; run: rem_u(0, 5) == 0
;; run: clz(0) == 32
;; run: clz(1) == 31
;; run: clz(-1) == 0
;; run: clz(-2147483648) == 0
;; run: clz(240) == 24
;; run: ctz(0) == 32
;; run: ctz(1) == 0
;; run: ctz(-1) == 0
;; run: ctz(-2147483648) == 31
;; run: ctz(240) == 4
;; run: popcnt(0) == 0
;; run: popcnt(1) == 1
;; run: popcnt(-1) == 32
;; run: popcnt(-2147483648) == 1
;; run: popcnt(240) == 4
;; run: eqz(0) == 1
;; run: eqz(1) == 0
;; run: eqz(-1) == 0
;; run: eqz(-2147483648) == 0
;; run: eqz(240) == 0
;; run: extend8_s(0) == 0
;; run: extend8_s(127) == 127
;; run: extend8_s(128) == -128
;; run: extend8_s(32767) == -1
;; run: extend8_s(32768) == 0
;; run: extend8_s(305419904) == -128
;; run: extend8_s(-1) == -1
;; run: extend16_s(0) == 0
;; run: extend16_s(127) == 127
;; run: extend16_s(128) == 128
;; run: extend16_s(32767) == 32767
;; run: extend16_s(32768) == -32768
;; run: extend16_s(305419904) == 22144
;; run: extend16_s(-1) == -1

;; The traps of division.
;; trap: div_s(0, 0): integer divide by zero
;; trap: div_s(5, 0): integer divide by zero
;; trap: div_s(-2147483648, 0): integer divide by zero
;; trap: div_u(0, 0): integer divide by zero
;; trap: div_u(5, 0): integer divide by zero
;; trap: div_u(-2147483648, 0): integer divide by zero
;; trap: rem_s(0, 0): integer divide by zero
;; trap: rem_s(5, 0): integer divide by zero
;; trap: rem_s(-2147483648, 0): integer divide by zero
;; trap: rem_u(0, 0): integer divide by zero
;; trap: rem_u(5, 0): integer divide by zero
;; trap: rem_u(-2147483648, 0): integer divide by zero
;; trap: div_s(-2147483648, -1): integer overflow
;; run: rem_s(-2147483648, -1) == 0
;; run: div_u(-2147483648, -1) == 0
;; run: rem_u(-2147483648, -1) == -2147483648
(module
  (func (export "add") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1)))
  (func (export "sub") (param i32 i32) (result i32)
    (i32.sub (local.get 0) (local.get 1)))
  (func (export "mul") (param i32 i32) (result i32)
    (i32.mul (local.get 0) (local.get 1)))
  (func (export "and") (param i32 i32) (result i32)
    (i32.and (local.get 0) (local.get 1)))
  (func (export "or") (param i32 i32) (result i32)
    (i32.or (local.get 0) (local.get 1)))
  (func (export "xor") (param i32 i32) (result i32)
    (i32.xor (local.get 0) (local.get 1)))
  (func (export "shl") (param i32 i32) (result i32)
    (i32.shl (local.get 0) (local.get 1)))
  (func (export "shr_u") (param i32 i32) (result i32)
    (i32.shr_u (local.get 0) (local.get 1)))
  (func (export "shr_s") (param i32 i32) (result i32)
    (i32.shr_s (local.get 0) (local.get 1)))
  (func (export "rotl") (param i32 i32) (result i32)
    (i32.rotl (local.get 0) (local.get 1)))
  (func (export "rotr") (param i32 i32) (result i32)
    (i32.rotr (local.get 0) (local.get 1)))
  (func (export "eq") (param i32 i32) (result i32)
    (i32.eq (local.get 0) (local.get 1)))
  (func (export "ne") (param i32 i32) (result i32)
    (i32.ne (local.get 0) (local.get 1)))
  (func (export "lt_s") (param i32 i32) (result i32)
    (i32.lt_s (local.get 0) (local.get 1)))
  (func (export "lt_u") (param i32 i32) (result i32)
    (i32.lt_u (local.get 0) (local.get 1)))
  (func (export "gt_s") (param i32 i32) (result i32)
    (i32.gt_s (local.get 0) (local.get 1)))
  (func (export "gt_u") (param i32 i32) (result i32)
    (i32.gt_u (local.get 0) (local.get 1)))
  (func (export "le_s") (param i32 i32) (result i32)
    (i32.le_s (local.get 0) (local.get 1)))
  (func (export "le_u") (param i32 i32) (result i32)
    (i32.le_u (local.get 0) (local.get 1)))
  (func (export "ge_s") (param i32 i32) (result i32)
    (i32.ge_s (local.get 0) (local.get 1)))
  (func (export "ge_u") (param i32 i32) (result i32)
    (i32.ge_u (local.get 0) (local.get 1)))
  (func (export "div_s") (param i32 i32) (result i32)
    (i32.div_s (local.get 0) (local.get 1)))
  (func (export "div_u") (param i32 i32) (result i32)
    (i32.div_u (local.get 0) (local.get 1)))
  (func (export "rem_s") (param i32 i32) (result i32)
    (i32.rem_s (local.get 0) (local.get 1)))
  (func (export "rem_u") (param i32 i32) (result i32)
    (i32.rem_u (local.get 0) (local.get 1)))
  (func (export "clz") (param i32) (result i32)
    (i32.clz (local.get 0)))
  (func (export "ctz") (param i32) (result i32)
    (i32.ctz (local.get 0)))
  (func (export "popcnt") (param i32) (result i32)
    (i32.popcnt (local.get 0)))
  (func (export "eqz") (param i32) (result i32)
    (i32.eqz (local.get 0)))
  (func (export "extend8_s") (param i32) (result i32)
    (i32.extend8_s (local.get 0)))
  (func (export "extend16_s") (param i32) (result i32)
    (i32.extend16_s (local.get 0)))
)
