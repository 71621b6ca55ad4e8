;; With --traps call each code has a call at the function's end, to which `unreachable` branches as well.
;; test: emit=asm cpu=cortex-m4 traps=call
(module
  (memory 1)
  (func (export "load") (param i32 i32) (result i32)
    (if (i32.eqz (local.get 1)) (then unreachable))
    (i32.div_u (i32.load (local.get 0)) (local.get 1))))
