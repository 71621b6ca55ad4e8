;; Every comparison, with a register and with constants, as a select, as a branch and as a value.
;; wasmi 2.0.0 confuses `select(a, b, eqz(eq(x, 0)))` with `select(a, b, eq(x, 0))`, and so with ne.

;; run: sel_eq(1, 2) == 1
;; run: br_eq(1, 2) == 1
;; run: sel_eq(2, 1) == 2
;; run: br_eq(2, 1) == 1
;; run: sel_eq(7, 7) == 11
;; run: br_eq(7, 7) == 2
;; run: sel_eq(-2147483648, 2147483647) == -2147483648
;; run: br_eq(-2147483648, 2147483647) == 1
;; run: sel_eq(-1, 0) == -1
;; run: br_eq(-1, 0) == 1
;; emulator: zero_eq(0) == 6
;; emulator: zero_eq(1) == 5
;; emulator: zero_eq(-1) == 5
;; run: sel_ne(1, 2) == 11
;; run: br_ne(1, 2) == 2
;; run: sel_ne(2, 1) == 11
;; run: br_ne(2, 1) == 2
;; run: sel_ne(7, 7) == 7
;; run: br_ne(7, 7) == 1
;; run: sel_ne(-2147483648, 2147483647) == 11
;; run: br_ne(-2147483648, 2147483647) == 2
;; run: sel_ne(-1, 0) == 11
;; run: br_ne(-1, 0) == 2
;; emulator: zero_ne(0) == 5
;; emulator: zero_ne(1) == 6
;; emulator: zero_ne(-1) == 6
;; run: sel_lt_s(1, 2) == 11
;; run: br_lt_s(1, 2) == 3
;; run: sel_lt_s(2, 1) == 2
;; run: br_lt_s(2, 1) == 1
;; run: sel_lt_s(7, 7) == 7
;; run: br_lt_s(7, 7) == 1
;; run: sel_lt_s(-2147483648, 2147483647) == 11
;; run: br_lt_s(-2147483648, 2147483647) == 3
;; run: sel_lt_s(-1, 0) == 11
;; run: br_lt_s(-1, 0) == 3
;; run: zero_lt_s(0) == 5
;; run: zero_lt_s(1) == 5
;; run: zero_lt_s(-1) == 6
;; run: sel_lt_u(1, 2) == 11
;; run: br_lt_u(1, 2) == 3
;; run: sel_lt_u(2, 1) == 2
;; run: br_lt_u(2, 1) == 1
;; run: sel_lt_u(7, 7) == 7
;; run: br_lt_u(7, 7) == 1
;; run: sel_lt_u(-2147483648, 2147483647) == -2147483648
;; run: br_lt_u(-2147483648, 2147483647) == 1
;; run: sel_lt_u(-1, 0) == -1
;; run: br_lt_u(-1, 0) == 1
;; run: zero_lt_u(0) == 5
;; run: zero_lt_u(1) == 5
;; run: zero_lt_u(-1) == 5
;; run: sel_gt_s(1, 2) == 1
;; run: br_gt_s(1, 2) == 1
;; run: sel_gt_s(2, 1) == 11
;; run: br_gt_s(2, 1) == 3
;; run: sel_gt_s(7, 7) == 7
;; run: br_gt_s(7, 7) == 1
;; run: sel_gt_s(-2147483648, 2147483647) == -2147483648
;; run: br_gt_s(-2147483648, 2147483647) == 1
;; run: sel_gt_s(-1, 0) == -1
;; run: br_gt_s(-1, 0) == 1
;; run: zero_gt_s(0) == 5
;; run: zero_gt_s(1) == 6
;; run: zero_gt_s(-1) == 5
;; run: sel_gt_u(1, 2) == 1
;; run: br_gt_u(1, 2) == 1
;; run: sel_gt_u(2, 1) == 11
;; run: br_gt_u(2, 1) == 3
;; run: sel_gt_u(7, 7) == 7
;; run: br_gt_u(7, 7) == 1
;; run: sel_gt_u(-2147483648, 2147483647) == 11
;; run: br_gt_u(-2147483648, 2147483647) == 3
;; run: sel_gt_u(-1, 0) == 11
;; run: br_gt_u(-1, 0) == 3
;; run: zero_gt_u(0) == 5
;; run: zero_gt_u(1) == 6
;; run: zero_gt_u(-1) == 6
;; run: sel_le_s(1, 2) == 11
;; run: br_le_s(1, 2) == 3
;; run: sel_le_s(2, 1) == 2
;; run: br_le_s(2, 1) == 1
;; run: sel_le_s(7, 7) == 11
;; run: br_le_s(7, 7) == 2
;; run: sel_le_s(-2147483648, 2147483647) == 11
;; run: br_le_s(-2147483648, 2147483647) == 3
;; run: sel_le_s(-1, 0) == 11
;; run: br_le_s(-1, 0) == 3
;; run: zero_le_s(0) == 6
;; run: zero_le_s(1) == 5
;; run: zero_le_s(-1) == 6
;; run: sel_le_u(1, 2) == 11
;; run: br_le_u(1, 2) == 3
;; run: sel_le_u(2, 1) == 2
;; run: br_le_u(2, 1) == 1
;; run: sel_le_u(7, 7) == 11
;; run: br_le_u(7, 7) == 2
;; run: sel_le_u(-2147483648, 2147483647) == -2147483648
;; run: br_le_u(-2147483648, 2147483647) == 1
;; run: sel_le_u(-1, 0) == -1
;; run: br_le_u(-1, 0) == 1
;; run: zero_le_u(0) == 6
;; run: zero_le_u(1) == 5
;; run: zero_le_u(-1) == 5
;; run: sel_ge_s(1, 2) == 1
;; run: br_ge_s(1, 2) == 1
;; run: sel_ge_s(2, 1) == 11
;; run: br_ge_s(2, 1) == 3
;; run: sel_ge_s(7, 7) == 11
;; run: br_ge_s(7, 7) == 2
;; run: sel_ge_s(-2147483648, 2147483647) == -2147483648
;; run: br_ge_s(-2147483648, 2147483647) == 1
;; run: sel_ge_s(-1, 0) == -1
;; run: br_ge_s(-1, 0) == 1
;; run: zero_ge_s(0) == 6
;; run: zero_ge_s(1) == 6
;; run: zero_ge_s(-1) == 5
;; run: sel_ge_u(1, 2) == 1
;; run: br_ge_u(1, 2) == 1
;; run: sel_ge_u(2, 1) == 11
;; run: br_ge_u(2, 1) == 3
;; run: sel_ge_u(7, 7) == 11
;; run: br_ge_u(7, 7) == 2
;; run: sel_ge_u(-2147483648, 2147483647) == 11
;; run: br_ge_u(-2147483648, 2147483647) == 3
;; run: sel_ge_u(-1, 0) == 11
;; run: br_ge_u(-1, 0) == 3
;; run: zero_ge_u(0) == 6
;; run: zero_ge_u(1) == 6
;; run: zero_ge_u(-1) == 6
(module
  (func (export "sel_eq") (param i32 i32) (result i32)
    (select (i32.const 11) (local.get 0) (i32.eq (local.get 0) (local.get 1))))
  (func (export "br_eq") (param i32 i32) (result i32)
    (block (br_if 0 (i32.eq (local.get 0) (local.get 1))) (return (i32.const 1)))
    (if (result i32) (i32.eq (local.get 1) (local.get 0))
      (then (i32.const 2))
      (else (i32.const 3))))
  (func (export "zero_eq") (param i32) (result i32)
    (select (i32.const 5) (i32.const 6) (i32.eqz (i32.eq (local.get 0) (i32.const 0)))))
  (func (export "sel_ne") (param i32 i32) (result i32)
    (select (i32.const 11) (local.get 0) (i32.ne (local.get 0) (local.get 1))))
  (func (export "br_ne") (param i32 i32) (result i32)
    (block (br_if 0 (i32.ne (local.get 0) (local.get 1))) (return (i32.const 1)))
    (if (result i32) (i32.ne (local.get 1) (local.get 0))
      (then (i32.const 2))
      (else (i32.const 3))))
  (func (export "zero_ne") (param i32) (result i32)
    (select (i32.const 5) (i32.const 6) (i32.eqz (i32.ne (local.get 0) (i32.const 0)))))
  (func (export "sel_lt_s") (param i32 i32) (result i32)
    (select (i32.const 11) (local.get 0) (i32.lt_s (local.get 0) (local.get 1))))
  (func (export "br_lt_s") (param i32 i32) (result i32)
    (block (br_if 0 (i32.lt_s (local.get 0) (local.get 1))) (return (i32.const 1)))
    (if (result i32) (i32.lt_s (local.get 1) (local.get 0))
      (then (i32.const 2))
      (else (i32.const 3))))
  (func (export "zero_lt_s") (param i32) (result i32)
    (select (i32.const 5) (i32.const 6) (i32.eqz (i32.lt_s (local.get 0) (i32.const 0)))))
  (func (export "sel_lt_u") (param i32 i32) (result i32)
    (select (i32.const 11) (local.get 0) (i32.lt_u (local.get 0) (local.get 1))))
  (func (export "br_lt_u") (param i32 i32) (result i32)
    (block (br_if 0 (i32.lt_u (local.get 0) (local.get 1))) (return (i32.const 1)))
    (if (result i32) (i32.lt_u (local.get 1) (local.get 0))
      (then (i32.const 2))
      (else (i32.const 3))))
  (func (export "zero_lt_u") (param i32) (result i32)
    (select (i32.const 5) (i32.const 6) (i32.eqz (i32.lt_u (local.get 0) (i32.const 0)))))
  (func (export "sel_gt_s") (param i32 i32) (result i32)
    (select (i32.const 11) (local.get 0) (i32.gt_s (local.get 0) (local.get 1))))
  (func (export "br_gt_s") (param i32 i32) (result i32)
    (block (br_if 0 (i32.gt_s (local.get 0) (local.get 1))) (return (i32.const 1)))
    (if (result i32) (i32.gt_s (local.get 1) (local.get 0))
      (then (i32.const 2))
      (else (i32.const 3))))
  (func (export "zero_gt_s") (param i32) (result i32)
    (select (i32.const 5) (i32.const 6) (i32.eqz (i32.gt_s (local.get 0) (i32.const 0)))))
  (func (export "sel_gt_u") (param i32 i32) (result i32)
    (select (i32.const 11) (local.get 0) (i32.gt_u (local.get 0) (local.get 1))))
  (func (export "br_gt_u") (param i32 i32) (result i32)
    (block (br_if 0 (i32.gt_u (local.get 0) (local.get 1))) (return (i32.const 1)))
    (if (result i32) (i32.gt_u (local.get 1) (local.get 0))
      (then (i32.const 2))
      (else (i32.const 3))))
  (func (export "zero_gt_u") (param i32) (result i32)
    (select (i32.const 5) (i32.const 6) (i32.eqz (i32.gt_u (local.get 0) (i32.const 0)))))
  (func (export "sel_le_s") (param i32 i32) (result i32)
    (select (i32.const 11) (local.get 0) (i32.le_s (local.get 0) (local.get 1))))
  (func (export "br_le_s") (param i32 i32) (result i32)
    (block (br_if 0 (i32.le_s (local.get 0) (local.get 1))) (return (i32.const 1)))
    (if (result i32) (i32.le_s (local.get 1) (local.get 0))
      (then (i32.const 2))
      (else (i32.const 3))))
  (func (export "zero_le_s") (param i32) (result i32)
    (select (i32.const 5) (i32.const 6) (i32.eqz (i32.le_s (local.get 0) (i32.const 0)))))
  (func (export "sel_le_u") (param i32 i32) (result i32)
    (select (i32.const 11) (local.get 0) (i32.le_u (local.get 0) (local.get 1))))
  (func (export "br_le_u") (param i32 i32) (result i32)
    (block (br_if 0 (i32.le_u (local.get 0) (local.get 1))) (return (i32.const 1)))
    (if (result i32) (i32.le_u (local.get 1) (local.get 0))
      (then (i32.const 2))
      (else (i32.const 3))))
  (func (export "zero_le_u") (param i32) (result i32)
    (select (i32.const 5) (i32.const 6) (i32.eqz (i32.le_u (local.get 0) (i32.const 0)))))
  (func (export "sel_ge_s") (param i32 i32) (result i32)
    (select (i32.const 11) (local.get 0) (i32.ge_s (local.get 0) (local.get 1))))
  (func (export "br_ge_s") (param i32 i32) (result i32)
    (block (br_if 0 (i32.ge_s (local.get 0) (local.get 1))) (return (i32.const 1)))
    (if (result i32) (i32.ge_s (local.get 1) (local.get 0))
      (then (i32.const 2))
      (else (i32.const 3))))
  (func (export "zero_ge_s") (param i32) (result i32)
    (select (i32.const 5) (i32.const 6) (i32.eqz (i32.ge_s (local.get 0) (i32.const 0)))))
  (func (export "sel_ge_u") (param i32 i32) (result i32)
    (select (i32.const 11) (local.get 0) (i32.ge_u (local.get 0) (local.get 1))))
  (func (export "br_ge_u") (param i32 i32) (result i32)
    (block (br_if 0 (i32.ge_u (local.get 0) (local.get 1))) (return (i32.const 1)))
    (if (result i32) (i32.ge_u (local.get 1) (local.get 0))
      (then (i32.const 2))
      (else (i32.const 3))))
  (func (export "zero_ge_u") (param i32) (result i32)
    (select (i32.const 5) (i32.const 6) (i32.eqz (i32.ge_u (local.get 0) (i32.const 0)))))
)
