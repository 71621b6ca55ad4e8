;; Imported functions: context pointers, many arguments, several results, and memory that they
;; change between two loads.

;; run: add(3, 4) == 7
;; run: mix(1) == 650
;; run: swap(3, 4) == 4, 3
;; run: around(5) == 16
;; run: poke(8, 200) == 200
;; run: poked_between() == 90
;; run: eleven(2) == 44
;; run: host_export(20, 22) == 42
;; run: nothing()
(module
  (import "env" "add" (func $add (param i32 i32) (result i32)))
  (import "other" "mix"
    (func $mix (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "swap" (func $swap (param i32 i32) (result i32 i32)))
  (import "env" "poke" (func $poke (param i32 i32)))
  (import "other" "nothing" (func $nothing))
  (memory (export "memory") 1 1)
  (export "host_export" (func $add))
  (func (export "add") (param i32 i32) (result i32) (call $add (local.get 0) (local.get 1)))
  (func (export "mix") (param i32) (result i32)
    (call $mix (local.get 0) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5)
      (i32.const 6) (i32.const 7) (i32.const 8) (i32.const 9) (i32.const 10) (i32.const 11)
      (i32.const 12)))
  (func (export "swap") (param i32 i32) (result i32 i32)
    (call $swap (local.get 0) (local.get 1)))
  (func (export "around") (param i32) (result i32) (local i32)
    (local.set 1 (i32.add (local.get 0) (i32.const 1)))
    (call $nothing)
    (i32.add (local.get 0) (call $add (local.get 0) (local.get 1))))
  (func (export "poke") (param i32 i32) (result i32)
    (call $poke (local.get 0) (local.get 1))
    (i32.load8_u (local.get 0)))
  (func (export "poked_between") (result i32) (local i32)
    (i32.store8 (i32.const 50) (i32.const 40))
    (local.set 0 (i32.load8_u (i32.const 50)))
    (call $poke (i32.const 50) (i32.const 50))
    (i32.add (local.get 0) (i32.load8_u (i32.const 50))))
  (func (export "eleven") (param i32) (result i32) (local i32)
    (loop
      (local.set 1 (call $add (local.get 1) (i32.const 4)))
      (br_if 0 (i32.lt_u (local.get 1) (i32.mul (local.get 0) (i32.const 22)))))
    (local.get 1))
  (func (export "nothing") (call $nothing)))
