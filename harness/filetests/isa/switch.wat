;; A dense table.
;; test: emit=asm O=size
(module
  (func (export "f") (param i32) (result i32)
    (block
      (block
        (block
          (block (br_table 0 1 2 3 (local.get 0)))
          (return (i32.const 10)))
        (return (i32.const 20)))
      (return (i32.const 30)))
    (i32.const 40)))
