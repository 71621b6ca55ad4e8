;; Calls: many arguments, several results, recursion, values that live across calls.

;; run: twelve(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12) == 650
;; run: twelve(-1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1) == 11
;; run: call_twelve(10) == 1352
;; run: call_twelve_twice(10) == 1829456
;; run: factorial(0) == 1
;; run: factorial(10) == 3628800
;; run: fibonacci(15) == 610
;; run: is_even(100) == 1
;; run: is_even(101) == 0
;; run: depth(400) == 400
;; run: two(3, 4) == 7, -1
;; run: use_two(3, 4) == -7
;; run: three(1) == 1, 2, 3
;; run: five(7) == 7, 8, 9, 10, 11
;; run: use_five(7) == 789011
;; run: across(1, 2, 3, 4) == 20
;; run: nine_across(5) == 540
;; run: early(0) == 10
;; run: early(1) == 20
;; run: nothing()
;; trap: deep_trap(20): unreachable
;; run: factorial(5) == 120
;; trap: deep_division(20): integer divide by zero
;; run: call_twelve(10) == 1352
(module
  (func $twelve (export "twelve")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (local $sum i32)
    (local.set $sum (local.get 0))
    (local.set $sum (i32.add (local.get $sum) (i32.mul (local.get 1) (i32.const 2))))
    (local.set $sum (i32.add (local.get $sum) (i32.mul (local.get 2) (i32.const 3))))
    (local.set $sum (i32.add (local.get $sum) (i32.mul (local.get 3) (i32.const 4))))
    (local.set $sum (i32.add (local.get $sum) (i32.mul (local.get 4) (i32.const 5))))
    (local.set $sum (i32.add (local.get $sum) (i32.mul (local.get 5) (i32.const 6))))
    (local.set $sum (i32.add (local.get $sum) (i32.mul (local.get 6) (i32.const 7))))
    (local.set $sum (i32.add (local.get $sum) (i32.mul (local.get 7) (i32.const 8))))
    (local.set $sum (i32.add (local.get $sum) (i32.mul (local.get 8) (i32.const 9))))
    (local.set $sum (i32.add (local.get $sum) (i32.mul (local.get 9) (i32.const 10))))
    (local.set $sum (i32.add (local.get $sum) (i32.mul (local.get 10) (i32.const 11))))
    (i32.add (local.get $sum) (i32.mul (local.get 11) (i32.const 12))))
  (func $call_twelve (export "call_twelve") (param i32) (result i32)
    (call $twelve
      (local.get 0) (i32.add (local.get 0) (i32.const 1)) (i32.add (local.get 0) (i32.const 2))
      (i32.add (local.get 0) (i32.const 3)) (i32.add (local.get 0) (i32.const 4))
      (i32.add (local.get 0) (i32.const 5)) (i32.add (local.get 0) (i32.const 6))
      (i32.add (local.get 0) (i32.const 7)) (i32.add (local.get 0) (i32.const 8))
      (i32.add (local.get 0) (i32.const 9)) (i32.add (local.get 0) (i32.const 10))
      (i32.add (local.get 0) (i32.const 11))))
  (func (export "call_twelve_twice") (param i32) (result i32)
    (i32.add
      (i32.mul (call $call_twelve (local.get 0)) (call $call_twelve (local.get 0)))
      (i32.add (call $call_twelve (local.get 0)) (i32.const 200))))
  (func $factorial (export "factorial") (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then
        (i32.mul (local.get 0)
          (call $factorial (i32.sub (local.get 0) (i32.const 1)))))
      (else (i32.const 1))))
  (func $fibonacci (export "fibonacci") (param i32) (result i32)
    (if (i32.lt_u (local.get 0) (i32.const 2)) (then (return (local.get 0))))
    (i32.add
      (call $fibonacci (i32.sub (local.get 0) (i32.const 1)))
      (call $fibonacci (i32.sub (local.get 0) (i32.const 2)))))
  (func $is_even (export "is_even") (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (call $is_odd (i32.sub (local.get 0) (i32.const 1))))
      (else (i32.const 1))))
  (func $is_odd (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (call $is_even (i32.sub (local.get 0) (i32.const 1))))
      (else (i32.const 0))))
  (func $depth (export "depth") (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (i32.add (i32.const 1) (call $depth (i32.sub (local.get 0) (i32.const 1)))))
      (else (i32.const 0))))
  (func $two (export "two") (param i32 i32) (result i32 i32)
    (i32.add (local.get 0) (local.get 1))
    (i32.sub (local.get 0) (local.get 1)))
  (func (export "use_two") (param i32 i32) (result i32)
    (i32.mul (call $two (local.get 0) (local.get 1))))
  (func (export "three") (param i32) (result i32 i32 i32)
    (local.get 0)
    (i32.add (local.get 0) (i32.const 1))
    (i32.add (local.get 0) (i32.const 2)))
  (func $five (export "five") (param i32) (result i32 i32 i32 i32 i32)
    (local.get 0)
    (i32.add (local.get 0) (i32.const 1))
    (i32.add (local.get 0) (i32.const 2))
    (i32.add (local.get 0) (i32.const 3))
    (i32.add (local.get 0) (i32.const 4)))
  (func (export "use_five") (param i32) (result i32) (local $e i32) (local $d i32)
    (local $c i32) (local $b i32) (local $a i32)
    (call $five (local.get 0))
    (local.set $e) (local.set $d) (local.set $c) (local.set $b) (local.set $a)
    (i32.add
      (i32.add
        (i32.mul (local.get $a) (i32.const 100000)) (i32.mul (local.get $b) (i32.const 10000)))
      (i32.add
        (i32.add
          (i32.mul (local.get $c) (i32.const 1000)) (i32.mul (local.get $d) (i32.const 1)))
        (i32.sub (local.get $e) (i32.const 10)))))
  (func $id (param i32) (result i32) (local.get 0))
  (func (export "across") (param i32 i32 i32 i32) (result i32)
    (i32.add
      (i32.add (call $id (local.get 0)) (call $id (local.get 1)))
      (i32.add
        (i32.add (call $id (local.get 2)) (call $id (local.get 3)))
        (i32.add
          (i32.add (local.get 0) (local.get 1)) (i32.add (local.get 2) (local.get 3))))))
  (func (export "nine_across") (param $x i32) (result i32)
    (local $a i32) (local $b i32) (local $c i32) (local $d i32) (local $e i32)
    (local $f i32) (local $g i32) (local $h i32)
    (local.set $a (call $id (i32.add (local.get $x) (i32.const 1))))
    (local.set $b (call $id (i32.mul (local.get $x) (i32.const 2))))
    (local.set $c (call $id (i32.mul (local.get $x) (i32.const 3))))
    (local.set $d (call $id (i32.mul (local.get $x) (i32.const 5))))
    (local.set $e (call $id (i32.mul (local.get $x) (i32.const 7))))
    (local.set $f (call $id (i32.mul (local.get $x) (i32.const 11))))
    (local.set $g (call $id (i32.mul (local.get $x) (i32.const 13))))
    (local.set $h (call $id (i32.mul (local.get $x) (i32.const 17))))
    (i32.mul (i32.const 2) (i32.sub
      (i32.add
        (i32.add
          (i32.add (local.get $a) (local.get $b)) (i32.add (local.get $c) (local.get $d)))
        (i32.add
          (i32.add (local.get $e) (local.get $f)) (i32.add (local.get $g) (local.get $h))))
      (i32.add (local.get $a) (i32.const 20)))))
  (func (export "early") (param i32) (result i32)
    (if (local.get 0) (then (return (call $id (i32.const 20)))))
    (i32.const 10))
  (func (export "nothing"))
  (func $deep_trap (export "deep_trap") (param i32) (result i32)
    (if (i32.eqz (local.get 0)) (then (unreachable)))
    (i32.add (call $deep_trap (i32.sub (local.get 0) (i32.const 1))) (local.get 0)))
  (func $deep_division (export "deep_division") (param i32) (result i32)
    (i32.add
      (i32.div_u (i32.const 100) (local.get 0))
      (call $deep_division (i32.sub (local.get 0) (i32.const 1))))))
