;; Six values across a call: five registers remain.
;; test: emit=figures,asm regalloc=ion
(module
  (import "env" "nothing" (func $nothing))
  (func (export "f") (param i32 i32 i32 i32 i32 i32) (result i32)
    (call $nothing)
    (i32.add
      (i32.add (i32.mul (local.get 0) (local.get 1)) (i32.mul (local.get 2) (local.get 3)))
      (i32.mul (local.get 4) (local.get 5)))))
