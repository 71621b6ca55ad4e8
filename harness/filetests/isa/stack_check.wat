;; test: emit=asm

;; A caller asks whether the stack has room; of a large frame it adds the bytes. What calls nothing
;; and needs little does not ask, nor does what calls only such.

(module
  (func $leaf (export "leaf") (param i32) (result i32)
    (i32.mul (local.get 0) (local.get 0)))
  (func (export "caller") (param i32) (result i32)
    (i32.add (call $leaf (local.get 0)) (local.get 0)))
  (func $again (export "again") (param i32) (result i32)
    (i32.add (call $again (local.get 0)) (local.get 0)))
  (func (export "many") (param i32) (result i32)
    (call $words (local.get 0) (local.get 0) (local.get 0) (local.get 0) (local.get 0)
      (local.get 0) (local.get 0) (local.get 0) (local.get 0) (local.get 0) (local.get 0)
      (local.get 0) (local.get 0) (local.get 0) (local.get 0) (local.get 0) (local.get 0)
      (local.get 0) (local.get 0) (local.get 0)))
  (func $words (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32
    i32) (result i32) (local.get 19)))
