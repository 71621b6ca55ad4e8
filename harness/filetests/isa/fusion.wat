;; One instruction where the operands allow it.
;; test: emit=vcode,asm O=speed
(module
  (func (export "shifted_add") (param i32 i32) (result i32)
    (i32.add (local.get 0) (i32.shl (local.get 1) (i32.const 3))))
  (func (export "mla") (param i32 i32 i32) (result i32)
    (i32.add (i32.mul (local.get 0) (local.get 1)) (local.get 2)))
  (func (export "bic") (param i32 i32) (result i32)
    (i32.and (local.get 0) (i32.xor (local.get 1) (i32.const -1))))
  (func (export "field") (param i32) (result i32)
    (i32.and (i32.shr_u (local.get 0) (i32.const 5)) (i32.const 0x7ff)))
  (func (export "max") (param i32 i32) (result i32)
    (select (local.get 0) (local.get 1) (i32.gt_s (local.get 0) (local.get 1))))
  (func (export "wide_constant") (param i32) (result i32)
    (i32.xor (local.get 0) (i32.const 0x12345678))))
