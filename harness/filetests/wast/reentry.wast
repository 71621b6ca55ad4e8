;; Instances that call each other back through a table: the trap of the innermost call leaves all.

(module $table (table (export "t") 4 funcref))
(register "table" $table)

(module $a
  (import "table" "t" (table 4 funcref))
  (type $f (func (param i32) (result i32)))
  (memory 1)
  (elem (i32.const 0) $countdown)
  ;; Each counts in its own memory how often it was called, and calls the other.
  (func $countdown (export "countdown") (type $f)
    (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
    (if (i32.eqz (local.get 0)) (then unreachable))
    (i32.add
      (i32.const 1)
      (call_indirect (type $f) (i32.sub (local.get 0) (i32.const 1)) (i32.const 1))))
  (func (export "calls") (result i32) (i32.load (i32.const 0))))

(module $b
  (import "table" "t" (table 4 funcref))
  (type $f (func (param i32) (result i32)))
  (memory 1)
  (elem (i32.const 1) $countdown)
  (func $countdown (export "countdown") (type $f)
    (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
    (if (i32.eqz (local.get 0)) (then (return (i32.const 100))))
    (i32.add
      (i32.const 10)
      (call_indirect (type $f) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0))))
  (func (export "calls") (result i32) (i32.load (i32.const 0))))

(assert_return (invoke $a "countdown" (i32.const 5)) (i32.const 123))
(assert_return (invoke $a "calls") (i32.const 3))
(assert_return (invoke $b "calls") (i32.const 3))
(assert_trap (invoke $a "countdown" (i32.const 4)) "unreachable")
(assert_return (invoke $a "calls") (i32.const 6))
(assert_return (invoke $b "calls") (i32.const 5))
(assert_trap (invoke $b "countdown" (i32.const 7)) "unreachable")
(assert_return (invoke $b "countdown" (i32.const 6)) (i32.const 133))
