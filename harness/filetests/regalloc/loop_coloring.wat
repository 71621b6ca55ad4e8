;; Eleven values live around a loop that uses few of them, by coloring.
;; test: emit=figures,asm regalloc=coloring O=none
(module
  (func (export "f") (param $n i32) (param $a i32) (param $b i32) (result i32)
    (local $c i32) (local $d i32) (local $e i32) (local $f i32) (local $g i32) (local $h i32)
    (local $s i32) (local $t i32)
    (local.set $c (i32.mul (local.get $a) (local.get $b)))
    (local.set $d (i32.mul (local.get $c) (local.get $b)))
    (local.set $e (i32.mul (local.get $d) (local.get $b)))
    (local.set $f (i32.mul (local.get $e) (local.get $b)))
    (local.set $g (i32.mul (local.get $f) (local.get $b)))
    (local.set $h (i32.mul (local.get $g) (local.get $b)))
    (loop
      (local.set $s (i32.add (local.get $s) (i32.mul (local.get $a) (local.get $n))))
      (local.set $t (i32.xor (local.get $t) (local.get $s)))
      (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i32.xor (local.get $t)
      (i32.add
        (i32.add
          (i32.xor (local.get $c) (local.get $d)) (i32.xor (local.get $e) (local.get $f)))
        (i32.add (i32.xor (local.get $g) (local.get $h)) (local.get $b))))))
