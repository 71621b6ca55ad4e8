;; The second load of the same address is the first one's value.
;; test: emit=clif O=speed
(module
  (memory 1)
  (func (export "twice") (param i32) (result i32)
    (i32.add (i32.load (local.get 0)) (i32.load (local.get 0)))))
