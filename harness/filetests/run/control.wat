;; Structured control: blocks with parameters and results, loops, tables, unreachable code.

;; run: count(10) == 55
;; run: count(0) == 0
;; run: collatz(27) == 111
;; run: gcd(1071, 462) == 21
;; run: gcd(0, 5) == 5
;; run: table(0) == 10
;; run: table(1) == 20
;; run: table(2) == 30
;; run: table(3) == 40
;; run: table(-1) == 40
;; run: table_with_value(0) == 107
;; run: table_with_value(1) == 1007
;; run: table_with_value(9) == 1007
;; run: table_of_one(5) == 1
;; run: nested(3, 4) == 12
;; run: params(7, 5) == 2, 12
;; run: loop_params(6) == 720
;; run: if_params(1, 10, 3) == 13
;; run: if_params(0, 10, 3) == 7
;; run: swap_in_loop(1) == 20
;; run: swap_in_loop(2) == 10
;; run: swap_in_loop(7) == 20
;; run: rotate(1) == 231
;; run: rotate(3) == 123
;; run: drops(5) == 5
;; run: after_unreachable(1) == 1
;; trap: after_unreachable(0): unreachable
;; run: select_chain(-5) == 0
;; run: select_chain(50) == 50
;; run: select_chain(500) == 100
;; run: br_out_of_three(1) == 1
;; run: br_out_of_three(0) == 8
;; run: dead_loop() == 3
(module
  (func (export "count") (param i32) (result i32) (local i32)
    (block $done
      (loop $again
        (br_if $done (i32.eqz (local.get 0)))
        (local.set 1 (i32.add (local.get 1) (local.get 0)))
        (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
        (br $again)))
    (local.get 1))
  (func (export "collatz") (param i32) (result i32) (local i32)
    (block
      (loop
        (br_if 1 (i32.eq (local.get 0) (i32.const 1)))
        (local.set 0
          (if (result i32) (i32.and (local.get 0) (i32.const 1))
            (then (i32.add (i32.mul (local.get 0) (i32.const 3)) (i32.const 1)))
            (else (i32.shr_u (local.get 0) (i32.const 1)))))
        (local.set 1 (i32.add (local.get 1) (i32.const 1)))
        (br 0)))
    (local.get 1))
  (func (export "gcd") (param i32 i32) (result i32) (local i32)
    (loop
      (if (local.get 0)
        (then
          (local.set 2 (i32.rem_u (local.get 1) (local.get 0)))
          (local.set 1 (local.get 0))
          (local.set 0 (local.get 2))
          (br 1))))
    (local.get 1))
  (func (export "table") (param i32) (result i32)
    (block
      (block
        (block
          (block (br_table 0 1 2 3 (local.get 0)))
          (return (i32.const 10)))
        (return (i32.const 20)))
      (return (i32.const 30)))
    (i32.const 40))
  (func (export "table_with_value") (param i32) (result i32)
    (block $b (result i32)
      (i32.add (i32.const 100)
        (block $a (result i32) (br_table $a $b (i32.const 7) (local.get 0)))
      )
      (return))
    (i32.add (i32.const 1000)))
  (func (export "table_of_one") (param i32) (result i32)
    (block (br_table 0 (local.get 0)))
    (i32.const 1))
  (func (export "nested") (param i32 i32) (result i32) (local i32 i32)
    (loop $outer
      (local.set 3 (local.get 1))
      (loop $inner
        (local.set 2 (i32.add (local.get 2) (i32.const 1)))
        (br_if $inner (local.tee 3 (i32.sub (local.get 3) (i32.const 1)))))
      (br_if $outer (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (local.get 2))
  (func (export "params") (param i32 i32) (result i32 i32)
    (local.get 0)
    (local.get 1)
    (block (param i32 i32) (result i32 i32)
      (i32.sub)
      (i32.add (local.get 0) (local.get 1))))
  (func (export "loop_params") (param i32) (result i32)
    (i32.const 1)
    (loop (param i32) (result i32)
      (i32.mul (local.get 0))
      (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
  (func (export "if_params") (param i32 i32 i32) (result i32)
    (local.get 1)
    (local.get 2)
    (local.get 0)
    (if (param i32 i32) (result i32) (then (i32.add)) (else (i32.sub))))
  (func (export "swap_in_loop") (param i32) (result i32) (local i32 i32 i32)
    (local.set 1 (i32.const 10))
    (local.set 2 (i32.const 20))
    (loop
      (local.set 3 (local.get 1))
      (local.set 1 (local.get 2))
      (local.set 2 (local.get 3))
      (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (local.get 1))
  (func (export "rotate") (param $n i32) (result i32)
    (local $a i32) (local $b i32) (local $c i32) (local $t i32)
    (local.set $a (i32.const 1))
    (local.set $b (i32.const 2))
    (local.set $c (i32.const 3))
    (loop
      (local.set $t (local.get $a))
      (local.set $a (local.get $b))
      (local.set $b (local.get $c))
      (local.set $c (local.get $t))
      (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i32.add
      (i32.add (i32.mul (local.get $a) (i32.const 100)) (i32.mul (local.get $b) (i32.const 10)))
      (local.get $c)))
  (func (export "drops") (param i32) (result i32)
    (drop (i32.mul (local.get 0) (i32.const 3)))
    (local.get 0)
    (drop (i32.const 9)))
  (func (export "after_unreachable") (param i32) (result i32)
    (if (local.get 0) (then (return (i32.const 1))))
    (unreachable)
    (i32.add)
    (drop)
    (i32.const 2))
  (func (export "select_chain") (param i32) (result i32)
    (select
      (i32.const 100)
      (select (i32.const 0) (local.get 0) (i32.lt_s (local.get 0) (i32.const 0)))
      (i32.gt_s (local.get 0) (i32.const 100))))
  (func (export "br_out_of_three") (param i32) (result i32)
    (block (result i32)
      (block (result i32)
        (block (result i32)
          (br_if 2 (i32.const 1) (local.get 0)))
        (i32.add (i32.const 1)))
      (i32.add (i32.const 6))))
  (func (export "dead_loop") (result i32)
    (return (i32.const 3))
    (loop (br 0))))
