;; What crosses the border between a module and its host: arguments in registers and on the stack,
;; several results, context pointers, memory that the host writes and that grows, globals, a table
;; of constants, a start function.
(module
  (import "env" "add" (func $add (param i32 i32) (result i32)))
  (import "env" "poke" (func $poke (param i32 i32)))
  (import "other" "mix"
    (func $mix (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "other" "swap" (func $swap (param i32 i32) (result i32 i32)))
  (memory (export "memory") 1 2)
  (data (i32.const 65530) "windla")
  (global $calls (export "calls") (mut i32) (i32.const 40))
  (global (export "limit") i32 (i32.const -7))
  (start $begin)
  (func $begin (global.set $calls (call $add (global.get $calls) (i32.const 2))))
  (func (export "add") (param i32 i32) (result i32)
    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
    (call $add (local.get 0) (local.get 1)))
  ;; Seven arguments in, twelve out, and values that live across the call.
  (func (export "mix") (param i32 i32 i32 i32 i32 i32 i32) (result i32)
    (i32.add
      (i32.mul (local.get 0) (local.get 6))
      (call $mix (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4)
        (local.get 5) (local.get 6) (i32.const 8) (i32.const 9) (i32.const 10) (i32.const 11)
        (i32.const 12))))
  (func (export "swap") (param i32 i32) (result i32 i32)
    (call $swap (local.get 0) (local.get 1)))
  (func (export "five") (param i32) (result i32 i32 i32 i32 i32)
    (local.get 0)
    (i32.load8_u (i32.const 65530))
    (call $swap (i32.const 3) (local.get 0))
    (global.get $calls))
  (func (export "poke") (param i32 i32) (result i32) (local i32)
    (local.set 2 (i32.load8_u (local.get 0)))
    (call $poke (local.get 0) (local.get 1))
    (i32.add (i32.shl (local.get 2) (i32.const 8)) (i32.load8_u (local.get 0))))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "two-words!") (result i32) (memory.size)))
