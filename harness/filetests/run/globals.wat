;; Mutable and constant globals, also as counters across calls.

;; run: read() == 7, -9, 0
;; run: bump(5) == 12
;; run: bump(-20) == -8
;; run: read() == -8, -9, 0
;; run: count() == 1
;; run: count() == 2
;; run: swap() == 2, -8
;; run: read() == 2, -9, -8
(module
  (global $a (mut i32) (i32.const 7))
  (global $b i32 (i32.const -9))
  (global $c (mut i32) (i32.const 0))
  (func (export "read") (result i32 i32 i32)
    (global.get $a) (global.get $b) (global.get $c))
  (func (export "bump") (param i32) (result i32)
    (global.set $a (i32.add (global.get $a) (local.get 0)))
    (global.get $a))
  (func $next (global.set $c (i32.add (global.get $c) (i32.const 1))))
  (func (export "count") (result i32) (call $next) (global.get $c))
  (func (export "swap") (result i32 i32) (local i32)
    (local.set 0 (global.get $a))
    (global.set $a (global.get $c))
    (global.set $c (local.get 0))
    (global.get $a) (global.get $c)))
