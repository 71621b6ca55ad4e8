;; Modules that define and import the same names are linked each to its own.

(module $one (func (export "f") (result i32) (i32.const 1)))
(register "m" $one)
(module $calls_one
  (import "m" "f" (func $f (result i32)))
  (func (export "g") (result i32) (call $f)))

(module $two (func (export "f") (result i32) (i32.const 2)))
(register "m" $two)
(module $calls_two
  (import "m" "f" (func $f (result i32)))
  (func (export "g") (result i32) (call $f)))

(assert_return (invoke $calls_one "g") (i32.const 1))
(assert_return (invoke $calls_two "g") (i32.const 2))

;; What is passed on keeps its owner's type.
(module $owner
  (memory (export "memory") 1 3)
  (table (export "table") 2 5 externref)
  (global (export "global") (mut i64) (i64.const 7)))
(register "owner" $owner)
(module $passes_on
  (import "owner" "memory" (memory 1))
  (import "owner" "table" (table 1 externref))
  (import "owner" "global" (global (mut i64)))
  (export "memory" (memory 0))
  (export "table" (table 0))
  (export "global" (global 0))
  (func (export "grow") (result i32) (memory.grow (i32.const 1)))
  (func (export "set") (param i64) (global.set 0 (local.get 0))))
(register "passes on" $passes_on)

(module
  (import "passes on" "memory" (memory 1 3))
  (import "passes on" "table" (table 2 5 externref))
  (import "passes on" "global" (global (mut i64))))
(assert_unlinkable
  (module (import "passes on" "memory" (memory 2 3)))
  "incompatible import type")
(assert_return (invoke $passes_on "grow") (i32.const 1))
(module (import "passes on" "memory" (memory 2 3)))
(assert_unlinkable
  (module (import "passes on" "table" (table 2 4 externref)))
  "incompatible import type")
(assert_unlinkable
  (module (import "passes on" "global" (global i64)))
  "incompatible import type")
(invoke $passes_on "set" (i64.const -9))
(assert_return (get $owner "global") (i64.const -9))
(assert_return (get $passes_on "global") (i64.const -9))
