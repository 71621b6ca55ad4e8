;; Operators with a constant, which may become an immediate, on either side.

;; run: add_x_c(0) == 1887925430
;; run: add_x_c(1) == 1074042294
;; run: add_x_c(-1) == -1593158730
;; run: add_x_c(-2147483648) == 1887925430
;; run: add_x_c(4660) == 1648634038
;; run: add_c_x(0) == 1887925430
;; run: add_c_x(1) == 1074042294
;; run: add_c_x(-1) == -1593158730
;; run: add_c_x(-2147483648) == 1887925430
;; run: add_c_x(4660) == 1648634038
;; run: sub_x_c(0) == -1887925430
;; run: sub_x_c(1) == 1593158730
;; run: sub_x_c(-1) == -1074042294
;; run: sub_x_c(-2147483648) == -1887925430
;; run: sub_x_c(4660) == -2127216822
;; run: sub_c_x(0) == 1887925430
;; run: sub_c_x(1) == -1593158730
;; run: sub_c_x(-1) == 1074042294
;; run: sub_c_x(-2147483648) == 1887925430
;; run: sub_c_x(4660) == 2127216822
;; run: and_x_c(0) == 0
;; run: and_x_c(1) == -2008310972
;; run: and_x_c(-1) == 1887925430
;; run: and_x_c(-2147483648) == -2147483648
;; run: and_x_c(4660) == -1579268964
;; run: and_c_x(0) == 0
;; run: and_c_x(1) == -2008310972
;; run: and_c_x(-1) == 1887925430
;; run: and_c_x(-2147483648) == -2147483648
;; run: and_c_x(4660) == -1579268964
;; run: or_x_c(0) == 1887925430
;; run: or_x_c(1) == -1212614030
;; run: or_x_c(-1) == 813883136
;; run: or_x_c(-2147483648) == -259558218
;; run: or_x_c(4660) == -1067064294
;; run: or_c_x(0) == 1887925430
;; run: or_c_x(1) == -1212614030
;; run: or_c_x(-1) == 813883136
;; run: or_c_x(-2147483648) == -259558218
;; run: or_c_x(4660) == -1067064294
;; run: xor_x_c(0) == 1887925430
;; run: xor_x_c(1) == 795696942
;; run: xor_x_c(-1) == -1074042294
;; run: xor_x_c(-2147483648) == 1887925430
;; run: xor_x_c(4660) == 512204670
;; run: xor_c_x(0) == 1887925430
;; run: xor_c_x(1) == 795696942
;; run: xor_c_x(-1) == -1074042294
;; run: xor_c_x(-2147483648) == 1887925430
;; run: xor_c_x(4660) == 512204670
;; run: mul_x_c(0) == 0
;; run: mul_x_c(1) == 1887925430
;; run: mul_x_c(-1) == -1887925430
;; run: mul_x_c(-2147483648) == 0
;; run: mul_x_c(4660) == 1639481592
;; run: mul_c_x(0) == 0
;; run: mul_c_x(1) == 1887925430
;; run: mul_c_x(-1) == -1887925430
;; run: mul_c_x(-2147483648) == 0
;; run: mul_c_x(4660) == 1639481592
;; run: eq_x_c(0) == -510534177
;; run: eq_x_c(1) == 1507551809
;; run: eq_x_c(-1) == -505558625
;; run: eq_x_c(-2147483648) == 29791
;; run: eq_x_c(4660) == 0
;; run: eq_c_x(0) == -510534177
;; run: eq_c_x(1) == 1507551809
;; run: eq_c_x(-1) == -505558625
;; run: eq_c_x(-2147483648) == 29791
;; run: eq_c_x(4660) == 0
;; run: lt_s_x_c(0) == 173550724
;; run: lt_s_x_c(1) == -1334001085
;; run: lt_s_x_c(-1) == -336983453
;; run: lt_s_x_c(-2147483648) == -813912927
;; run: lt_s_x_c(4660) == 888428195
;; run: lt_s_c_x(0) == -476899683
;; run: lt_s_c_x(1) == -987433860
;; run: lt_s_c_x(-1) == 28658942
;; run: lt_s_c_x(-2147483648) == 0
;; run: lt_s_c_x(4660) == -1702311331
;; run: lt_u_x_c(0) == -303348959
;; run: lt_u_x_c(1) == -1810900768
;; run: lt_u_x_c(-1) == 0
;; run: lt_u_x_c(-2147483648) == -476929474
;; run: lt_u_x_c(4660) == 411528512
;; run: lt_u_c_x(0) == 0
;; run: lt_u_c_x(1) == -510534177
;; run: lt_u_c_x(-1) == -308324511
;; run: lt_u_c_x(-2147483648) == -336983453
;; run: lt_u_c_x(4660) == -1225411648
;; run: gt_s_x_c(0) == -476899683
;; run: gt_s_x_c(1) == -987433860
;; run: gt_s_x_c(-1) == 28658942
;; run: gt_s_x_c(-2147483648) == 0
;; run: gt_s_x_c(4660) == -1702311331
;; run: gt_s_c_x(0) == 173550724
;; run: gt_s_c_x(1) == -1334001085
;; run: gt_s_c_x(-1) == -336983453
;; run: gt_s_c_x(-2147483648) == -813912927
;; run: gt_s_c_x(4660) == 888428195
;; run: ge_u_x_c(0) == -510534177
;; run: ge_u_x_c(1) == 997017632
;; run: ge_u_x_c(-1) == -813883136
;; run: ge_u_x_c(-2147483648) == -336953662
;; run: ge_u_x_c(4660) == -1225411648
;; run: ge_u_c_x(0) == -813883136
;; run: ge_u_c_x(1) == -303348959
;; run: ge_u_c_x(-1) == -505558625
;; run: ge_u_c_x(-2147483648) == -476899683
;; run: ge_u_c_x(4660) == 411528512
;; run: shl_x_c(1) == 1181184382
;; run: shl_x_c(-2) == 1932598532
;; run: shl_x_c(305419896) == -1439332592
;; run: shl_x_c(-2147483648) == 0
;; run: shr_u_x_c(1) == 887504642
;; run: shr_u_x_c(-2) == 359728669
;; run: shr_u_x_c(305419896) == 371918030
;; run: shr_u_x_c(-2147483648) == 1082160224
;; run: shr_s_x_c(1) == 887504642
;; run: shr_s_x_c(-2) == -1804591779
;; run: shr_s_x_c(305419896) == 371918030
;; run: shr_s_x_c(-2147483648) == -1082160224
;; run: rotl_x_c(1) == 1181184382
;; run: rotl_x_c(-2) == -2098271519
;; run: rotl_x_c(305419896) == -258304862
;; run: rotl_x_c(-2147483648) == 146839870
;; run: rotr_x_c(1) == -1243142206
;; run: rotr_x_c(-2) == 326055069
;; run: rotr_x_c(305419896) == -1547133234
;; run: rotr_x_c(-2147483648) == 1082160224
;; run: div_s_x_c(0) == 0
;; run: div_s_x_c(100) == -973276092
;; run: div_s_x_c(-100) == 973276092
;; run: div_s_x_c(-2147483648) == -1912256876
;; run: div_s_x_c(2147483647) == -417873745
;; run: div_s_x_c(123456789) == 1194474897
;; run: div_u_x_c(0) == 0
;; run: div_u_x_c(100) == -76132841
;; run: div_u_x_c(-100) == 197755134
;; run: div_u_x_c(-2147483648) == -268585412
;; run: div_u_x_c(2147483647) == 511779546
;; run: div_u_x_c(123456789) == -576959067
;; run: rem_s_x_c(0) == 0
;; run: rem_s_x_c(100) == -1693423068
;; run: rem_s_x_c(-100) == 1693423068
;; run: rem_s_x_c(-2147483648) == -1916065493
;; run: rem_s_x_c(2147483647) == -1368203113
;; run: rem_s_x_c(123456789) == 110133414
;; run: rem_u_x_c(0) == 0
;; run: rem_u_x_c(100) == -1598029403
;; run: rem_u_x_c(-100) == -1503430041
;; run: rem_u_x_c(-2147483648) == -231477737
;; run: rem_u_x_c(2147483647) == 778282056
;; run: rem_u_x_c(123456789) == 637608726
;; run: div_s_minus_1(5) == -5
;; trap: div_s_minus_1(-2147483648): integer overflow
;; trap: div_by_const_0(5): integer divide by zero
(module
  (func (export "add_x_c") (param i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.add (local.get 0) (i32.const 0))) (i32.const 31))
      (i32.add (local.get 0) (i32.const 1))) (i32.const 31))
      (i32.add (local.get 0) (i32.const -1))) (i32.const 31))
      (i32.add (local.get 0) (i32.const 7))) (i32.const 31))
      (i32.add (local.get 0) (i32.const 8))) (i32.const 31))
      (i32.add (local.get 0) (i32.const 255))) (i32.const 31))
      (i32.add (local.get 0) (i32.const 256))) (i32.const 31))
      (i32.add (local.get 0) (i32.const 4095))) (i32.const 31))
      (i32.add (local.get 0) (i32.const 4096))) (i32.const 31))
      (i32.add (local.get 0) (i32.const 16711935))) (i32.const 31))
      (i32.add (local.get 0) (i32.const -16711936))) (i32.const 31))
      (i32.add (local.get 0) (i32.const 305419896))) (i32.const 31))
      (i32.add (local.get 0) (i32.const -2147483648))) (i32.const 31))
      (i32.add (local.get 0) (i32.const 2147483647))) (i32.const 31))
      (i32.add (local.get 0) (i32.const 65535))) (i32.const 31))
      (i32.add (local.get 0) (i32.const 65536))))
  (func (export "add_c_x") (param i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.add (i32.const 0) (local.get 0))) (i32.const 31))
      (i32.add (i32.const 1) (local.get 0))) (i32.const 31))
      (i32.add (i32.const -1) (local.get 0))) (i32.const 31))
      (i32.add (i32.const 7) (local.get 0))) (i32.const 31))
      (i32.add (i32.const 8) (local.get 0))) (i32.const 31))
      (i32.add (i32.const 255) (local.get 0))) (i32.const 31))
      (i32.add (i32.const 256) (local.get 0))) (i32.const 31))
      (i32.add (i32.const 4095) (local.get 0))) (i32.const 31))
      (i32.add (i32.const 4096) (local.get 0))) (i32.const 31))
      (i32.add (i32.const 16711935) (local.get 0))) (i32.const 31))
      (i32.add (i32.const -16711936) (local.get 0))) (i32.const 31))
      (i32.add (i32.const 305419896) (local.get 0))) (i32.const 31))
      (i32.add (i32.const -2147483648) (local.get 0))) (i32.const 31))
      (i32.add (i32.const 2147483647) (local.get 0))) (i32.const 31))
      (i32.add (i32.const 65535) (local.get 0))) (i32.const 31))
      (i32.add (i32.const 65536) (local.get 0))))
  (func (export "sub_x_c") (param i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.sub (local.get 0) (i32.const 0))) (i32.const 31))
      (i32.sub (local.get 0) (i32.const 1))) (i32.const 31))
      (i32.sub (local.get 0) (i32.const -1))) (i32.const 31))
      (i32.sub (local.get 0) (i32.const 7))) (i32.const 31))
      (i32.sub (local.get 0) (i32.const 8))) (i32.const 31))
      (i32.sub (local.get 0) (i32.const 255))) (i32.const 31))
      (i32.sub (local.get 0) (i32.const 256))) (i32.const 31))
      (i32.sub (local.get 0) (i32.const 4095))) (i32.const 31))
      (i32.sub (local.get 0) (i32.const 4096))) (i32.const 31))
      (i32.sub (local.get 0) (i32.const 16711935))) (i32.const 31))
      (i32.sub (local.get 0) (i32.const -16711936))) (i32.const 31))
      (i32.sub (local.get 0) (i32.const 305419896))) (i32.const 31))
      (i32.sub (local.get 0) (i32.const -2147483648))) (i32.const 31))
      (i32.sub (local.get 0) (i32.const 2147483647))) (i32.const 31))
      (i32.sub (local.get 0) (i32.const 65535))) (i32.const 31))
      (i32.sub (local.get 0) (i32.const 65536))))
  (func (export "sub_c_x") (param i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.sub (i32.const 0) (local.get 0))) (i32.const 31))
      (i32.sub (i32.const 1) (local.get 0))) (i32.const 31))
      (i32.sub (i32.const -1) (local.get 0))) (i32.const 31))
      (i32.sub (i32.const 7) (local.get 0))) (i32.const 31))
      (i32.sub (i32.const 8) (local.get 0))) (i32.const 31))
      (i32.sub (i32.const 255) (local.get 0))) (i32.const 31))
      (i32.sub (i32.const 256) (local.get 0))) (i32.const 31))
      (i32.sub (i32.const 4095) (local.get 0))) (i32.const 31))
      (i32.sub (i32.const 4096) (local.get 0))) (i32.const 31))
      (i32.sub (i32.const 16711935) (local.get 0))) (i32.const 31))
      (i32.sub (i32.const -16711936) (local.get 0))) (i32.const 31))
      (i32.sub (i32.const 305419896) (local.get 0))) (i32.const 31))
      (i32.sub (i32.const -2147483648) (local.get 0))) (i32.const 31))
      (i32.sub (i32.const 2147483647) (local.get 0))) (i32.const 31))
      (i32.sub (i32.const 65535) (local.get 0))) (i32.const 31))
      (i32.sub (i32.const 65536) (local.get 0))))
  (func (export "and_x_c") (param i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.and (local.get 0) (i32.const 0))) (i32.const 31))
      (i32.and (local.get 0) (i32.const 1))) (i32.const 31))
      (i32.and (local.get 0) (i32.const -1))) (i32.const 31))
      (i32.and (local.get 0) (i32.const 7))) (i32.const 31))
      (i32.and (local.get 0) (i32.const 8))) (i32.const 31))
      (i32.and (local.get 0) (i32.const 255))) (i32.const 31))
      (i32.and (local.get 0) (i32.const 256))) (i32.const 31))
      (i32.and (local.get 0) (i32.const 4095))) (i32.const 31))
      (i32.and (local.get 0) (i32.const 4096))) (i32.const 31))
      (i32.and (local.get 0) (i32.const 16711935))) (i32.const 31))
      (i32.and (local.get 0) (i32.const -16711936))) (i32.const 31))
      (i32.and (local.get 0) (i32.const 305419896))) (i32.const 31))
      (i32.and (local.get 0) (i32.const -2147483648))) (i32.const 31))
      (i32.and (local.get 0) (i32.const 2147483647))) (i32.const 31))
      (i32.and (local.get 0) (i32.const 65535))) (i32.const 31))
      (i32.and (local.get 0) (i32.const 65536))))
  (func (export "and_c_x") (param i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.and (i32.const 0) (local.get 0))) (i32.const 31))
      (i32.and (i32.const 1) (local.get 0))) (i32.const 31))
      (i32.and (i32.const -1) (local.get 0))) (i32.const 31))
      (i32.and (i32.const 7) (local.get 0))) (i32.const 31))
      (i32.and (i32.const 8) (local.get 0))) (i32.const 31))
      (i32.and (i32.const 255) (local.get 0))) (i32.const 31))
      (i32.and (i32.const 256) (local.get 0))) (i32.const 31))
      (i32.and (i32.const 4095) (local.get 0))) (i32.const 31))
      (i32.and (i32.const 4096) (local.get 0))) (i32.const 31))
      (i32.and (i32.const 16711935) (local.get 0))) (i32.const 31))
      (i32.and (i32.const -16711936) (local.get 0))) (i32.const 31))
      (i32.and (i32.const 305419896) (local.get 0))) (i32.const 31))
      (i32.and (i32.const -2147483648) (local.get 0))) (i32.const 31))
      (i32.and (i32.const 2147483647) (local.get 0))) (i32.const 31))
      (i32.and (i32.const 65535) (local.get 0))) (i32.const 31))
      (i32.and (i32.const 65536) (local.get 0))))
  (func (export "or_x_c") (param i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.or (local.get 0) (i32.const 0))) (i32.const 31))
      (i32.or (local.get 0) (i32.const 1))) (i32.const 31))
      (i32.or (local.get 0) (i32.const -1))) (i32.const 31))
      (i32.or (local.get 0) (i32.const 7))) (i32.const 31))
      (i32.or (local.get 0) (i32.const 8))) (i32.const 31))
      (i32.or (local.get 0) (i32.const 255))) (i32.const 31))
      (i32.or (local.get 0) (i32.const 256))) (i32.const 31))
      (i32.or (local.get 0) (i32.const 4095))) (i32.const 31))
      (i32.or (local.get 0) (i32.const 4096))) (i32.const 31))
      (i32.or (local.get 0) (i32.const 16711935))) (i32.const 31))
      (i32.or (local.get 0) (i32.const -16711936))) (i32.const 31))
      (i32.or (local.get 0) (i32.const 305419896))) (i32.const 31))
      (i32.or (local.get 0) (i32.const -2147483648))) (i32.const 31))
      (i32.or (local.get 0) (i32.const 2147483647))) (i32.const 31))
      (i32.or (local.get 0) (i32.const 65535))) (i32.const 31))
      (i32.or (local.get 0) (i32.const 65536))))
  (func (export "or_c_x") (param i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.or (i32.const 0) (local.get 0))) (i32.const 31))
      (i32.or (i32.const 1) (local.get 0))) (i32.const 31))
      (i32.or (i32.const -1) (local.get 0))) (i32.const 31))
      (i32.or (i32.const 7) (local.get 0))) (i32.const 31))
      (i32.or (i32.const 8) (local.get 0))) (i32.const 31))
      (i32.or (i32.const 255) (local.get 0))) (i32.const 31))
      (i32.or (i32.const 256) (local.get 0))) (i32.const 31))
      (i32.or (i32.const 4095) (local.get 0))) (i32.const 31))
      (i32.or (i32.const 4096) (local.get 0))) (i32.const 31))
      (i32.or (i32.const 16711935) (local.get 0))) (i32.const 31))
      (i32.or (i32.const -16711936) (local.get 0))) (i32.const 31))
      (i32.or (i32.const 305419896) (local.get 0))) (i32.const 31))
      (i32.or (i32.const -2147483648) (local.get 0))) (i32.const 31))
      (i32.or (i32.const 2147483647) (local.get 0))) (i32.const 31))
      (i32.or (i32.const 65535) (local.get 0))) (i32.const 31))
      (i32.or (i32.const 65536) (local.get 0))))
  (func (export "xor_x_c") (param i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.xor (local.get 0) (i32.const 0))) (i32.const 31))
      (i32.xor (local.get 0) (i32.const 1))) (i32.const 31))
      (i32.xor (local.get 0) (i32.const -1))) (i32.const 31))
      (i32.xor (local.get 0) (i32.const 7))) (i32.const 31))
      (i32.xor (local.get 0) (i32.const 8))) (i32.const 31))
      (i32.xor (local.get 0) (i32.const 255))) (i32.const 31))
      (i32.xor (local.get 0) (i32.const 256))) (i32.const 31))
      (i32.xor (local.get 0) (i32.const 4095))) (i32.const 31))
      (i32.xor (local.get 0) (i32.const 4096))) (i32.const 31))
      (i32.xor (local.get 0) (i32.const 16711935))) (i32.const 31))
      (i32.xor (local.get 0) (i32.const -16711936))) (i32.const 31))
      (i32.xor (local.get 0) (i32.const 305419896))) (i32.const 31))
      (i32.xor (local.get 0) (i32.const -2147483648))) (i32.const 31))
      (i32.xor (local.get 0) (i32.const 2147483647))) (i32.const 31))
      (i32.xor (local.get 0) (i32.const 65535))) (i32.const 31))
      (i32.xor (local.get 0) (i32.const 65536))))
  (func (export "xor_c_x") (param i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.xor (i32.const 0) (local.get 0))) (i32.const 31))
      (i32.xor (i32.const 1) (local.get 0))) (i32.const 31))
      (i32.xor (i32.const -1) (local.get 0))) (i32.const 31))
      (i32.xor (i32.const 7) (local.get 0))) (i32.const 31))
      (i32.xor (i32.const 8) (local.get 0))) (i32.const 31))
      (i32.xor (i32.const 255) (local.get 0))) (i32.const 31))
      (i32.xor (i32.const 256) (local.get 0))) (i32.const 31))
      (i32.xor (i32.const 4095) (local.get 0))) (i32.const 31))
      (i32.xor (i32.const 4096) (local.get 0))) (i32.const 31))
      (i32.xor (i32.const 16711935) (local.get 0))) (i32.const 31))
      (i32.xor (i32.const -16711936) (local.get 0))) (i32.const 31))
      (i32.xor (i32.const 305419896) (local.get 0))) (i32.const 31))
      (i32.xor (i32.const -2147483648) (local.get 0))) (i32.const 31))
      (i32.xor (i32.const 2147483647) (local.get 0))) (i32.const 31))
      (i32.xor (i32.const 65535) (local.get 0))) (i32.const 31))
      (i32.xor (i32.const 65536) (local.get 0))))
  (func (export "mul_x_c") (param i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.mul (local.get 0) (i32.const 0))) (i32.const 31))
      (i32.mul (local.get 0) (i32.const 1))) (i32.const 31))
      (i32.mul (local.get 0) (i32.const -1))) (i32.const 31))
      (i32.mul (local.get 0) (i32.const 7))) (i32.const 31))
      (i32.mul (local.get 0) (i32.const 8))) (i32.const 31))
      (i32.mul (local.get 0) (i32.const 255))) (i32.const 31))
      (i32.mul (local.get 0) (i32.const 256))) (i32.const 31))
      (i32.mul (local.get 0) (i32.const 4095))) (i32.const 31))
      (i32.mul (local.get 0) (i32.const 4096))) (i32.const 31))
      (i32.mul (local.get 0) (i32.const 16711935))) (i32.const 31))
      (i32.mul (local.get 0) (i32.const -16711936))) (i32.const 31))
      (i32.mul (local.get 0) (i32.const 305419896))) (i32.const 31))
      (i32.mul (local.get 0) (i32.const -2147483648))) (i32.const 31))
      (i32.mul (local.get 0) (i32.const 2147483647))) (i32.const 31))
      (i32.mul (local.get 0) (i32.const 65535))) (i32.const 31))
      (i32.mul (local.get 0) (i32.const 65536))))
  (func (export "mul_c_x") (param i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.mul (i32.const 0) (local.get 0))) (i32.const 31))
      (i32.mul (i32.const 1) (local.get 0))) (i32.const 31))
      (i32.mul (i32.const -1) (local.get 0))) (i32.const 31))
      (i32.mul (i32.const 7) (local.get 0))) (i32.const 31))
      (i32.mul (i32.const 8) (local.get 0))) (i32.const 31))
      (i32.mul (i32.const 255) (local.get 0))) (i32.const 31))
      (i32.mul (i32.const 256) (local.get 0))) (i32.const 31))
      (i32.mul (i32.const 4095) (local.get 0))) (i32.const 31))
      (i32.mul (i32.const 4096) (local.get 0))) (i32.const 31))
      (i32.mul (i32.const 16711935) (local.get 0))) (i32.const 31))
      (i32.mul (i32.const -16711936) (local.get 0))) (i32.const 31))
      (i32.mul (i32.const 305419896) (local.get 0))) (i32.const 31))
      (i32.mul (i32.const -2147483648) (local.get 0))) (i32.const 31))
      (i32.mul (i32.const 2147483647) (local.get 0))) (i32.const 31))
      (i32.mul (i32.const 65535) (local.get 0))) (i32.const 31))
      (i32.mul (i32.const 65536) (local.get 0))))
  (func (export "eq_x_c") (param i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.eq (local.get 0) (i32.const 0))) (i32.const 31))
      (i32.eq (local.get 0) (i32.const 1))) (i32.const 31))
      (i32.eq (local.get 0) (i32.const -1))) (i32.const 31))
      (i32.eq (local.get 0) (i32.const 7))) (i32.const 31))
      (i32.eq (local.get 0) (i32.const 8))) (i32.const 31))
      (i32.eq (local.get 0) (i32.const 255))) (i32.const 31))
      (i32.eq (local.get 0) (i32.const 256))) (i32.const 31))
      (i32.eq (local.get 0) (i32.const 4095))) (i32.const 31))
      (i32.eq (local.get 0) (i32.const 4096))) (i32.const 31))
      (i32.eq (local.get 0) (i32.const 16711935))) (i32.const 31))
      (i32.eq (local.get 0) (i32.const -16711936))) (i32.const 31))
      (i32.eq (local.get 0) (i32.const 305419896))) (i32.const 31))
      (i32.eq (local.get 0) (i32.const -2147483648))) (i32.const 31))
      (i32.eq (local.get 0) (i32.const 2147483647))) (i32.const 31))
      (i32.eq (local.get 0) (i32.const 65535))) (i32.const 31))
      (i32.eq (local.get 0) (i32.const 65536))))
  (func (export "eq_c_x") (param i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.eq (i32.const 0) (local.get 0))) (i32.const 31))
      (i32.eq (i32.const 1) (local.get 0))) (i32.const 31))
      (i32.eq (i32.const -1) (local.get 0))) (i32.const 31))
      (i32.eq (i32.const 7) (local.get 0))) (i32.const 31))
      (i32.eq (i32.const 8) (local.get 0))) (i32.const 31))
      (i32.eq (i32.const 255) (local.get 0))) (i32.const 31))
      (i32.eq (i32.const 256) (local.get 0))) (i32.const 31))
      (i32.eq (i32.const 4095) (local.get 0))) (i32.const 31))
      (i32.eq (i32.const 4096) (local.get 0))) (i32.const 31))
      (i32.eq (i32.const 16711935) (local.get 0))) (i32.const 31))
      (i32.eq (i32.const -16711936) (local.get 0))) (i32.const 31))
      (i32.eq (i32.const 305419896) (local.get 0))) (i32.const 31))
      (i32.eq (i32.const -2147483648) (local.get 0))) (i32.const 31))
      (i32.eq (i32.const 2147483647) (local.get 0))) (i32.const 31))
      (i32.eq (i32.const 65535) (local.get 0))) (i32.const 31))
      (i32.eq (i32.const 65536) (local.get 0))))
  (func (export "lt_s_x_c") (param i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.lt_s (local.get 0) (i32.const 0))) (i32.const 31))
      (i32.lt_s (local.get 0) (i32.const 1))) (i32.const 31))
      (i32.lt_s (local.get 0) (i32.const -1))) (i32.const 31))
      (i32.lt_s (local.get 0) (i32.const 7))) (i32.const 31))
      (i32.lt_s (local.get 0) (i32.const 8))) (i32.const 31))
      (i32.lt_s (local.get 0) (i32.const 255))) (i32.const 31))
      (i32.lt_s (local.get 0) (i32.const 256))) (i32.const 31))
      (i32.lt_s (local.get 0) (i32.const 4095))) (i32.const 31))
      (i32.lt_s (local.get 0) (i32.const 4096))) (i32.const 31))
      (i32.lt_s (local.get 0) (i32.const 16711935))) (i32.const 31))
      (i32.lt_s (local.get 0) (i32.const -16711936))) (i32.const 31))
      (i32.lt_s (local.get 0) (i32.const 305419896))) (i32.const 31))
      (i32.lt_s (local.get 0) (i32.const -2147483648))) (i32.const 31))
      (i32.lt_s (local.get 0) (i32.const 2147483647))) (i32.const 31))
      (i32.lt_s (local.get 0) (i32.const 65535))) (i32.const 31))
      (i32.lt_s (local.get 0) (i32.const 65536))))
  (func (export "lt_s_c_x") (param i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.lt_s (i32.const 0) (local.get 0))) (i32.const 31))
      (i32.lt_s (i32.const 1) (local.get 0))) (i32.const 31))
      (i32.lt_s (i32.const -1) (local.get 0))) (i32.const 31))
      (i32.lt_s (i32.const 7) (local.get 0))) (i32.const 31))
      (i32.lt_s (i32.const 8) (local.get 0))) (i32.const 31))
      (i32.lt_s (i32.const 255) (local.get 0))) (i32.const 31))
      (i32.lt_s (i32.const 256) (local.get 0))) (i32.const 31))
      (i32.lt_s (i32.const 4095) (local.get 0))) (i32.const 31))
      (i32.lt_s (i32.const 4096) (local.get 0))) (i32.const 31))
      (i32.lt_s (i32.const 16711935) (local.get 0))) (i32.const 31))
      (i32.lt_s (i32.const -16711936) (local.get 0))) (i32.const 31))
      (i32.lt_s (i32.const 305419896) (local.get 0))) (i32.const 31))
      (i32.lt_s (i32.const -2147483648) (local.get 0))) (i32.const 31))
      (i32.lt_s (i32.const 2147483647) (local.get 0))) (i32.const 31))
      (i32.lt_s (i32.const 65535) (local.get 0))) (i32.const 31))
      (i32.lt_s (i32.const 65536) (local.get 0))))
  (func (export "lt_u_x_c") (param i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.lt_u (local.get 0) (i32.const 0))) (i32.const 31))
      (i32.lt_u (local.get 0) (i32.const 1))) (i32.const 31))
      (i32.lt_u (local.get 0) (i32.const -1))) (i32.const 31))
      (i32.lt_u (local.get 0) (i32.const 7))) (i32.const 31))
      (i32.lt_u (local.get 0) (i32.const 8))) (i32.const 31))
      (i32.lt_u (local.get 0) (i32.const 255))) (i32.const 31))
      (i32.lt_u (local.get 0) (i32.const 256))) (i32.const 31))
      (i32.lt_u (local.get 0) (i32.const 4095))) (i32.const 31))
      (i32.lt_u (local.get 0) (i32.const 4096))) (i32.const 31))
      (i32.lt_u (local.get 0) (i32.const 16711935))) (i32.const 31))
      (i32.lt_u (local.get 0) (i32.const -16711936))) (i32.const 31))
      (i32.lt_u (local.get 0) (i32.const 305419896))) (i32.const 31))
      (i32.lt_u (local.get 0) (i32.const -2147483648))) (i32.const 31))
      (i32.lt_u (local.get 0) (i32.const 2147483647))) (i32.const 31))
      (i32.lt_u (local.get 0) (i32.const 65535))) (i32.const 31))
      (i32.lt_u (local.get 0) (i32.const 65536))))
  (func (export "lt_u_c_x") (param i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.lt_u (i32.const 0) (local.get 0))) (i32.const 31))
      (i32.lt_u (i32.const 1) (local.get 0))) (i32.const 31))
      (i32.lt_u (i32.const -1) (local.get 0))) (i32.const 31))
      (i32.lt_u (i32.const 7) (local.get 0))) (i32.const 31))
      (i32.lt_u (i32.const 8) (local.get 0))) (i32.const 31))
      (i32.lt_u (i32.const 255) (local.get 0))) (i32.const 31))
      (i32.lt_u (i32.const 256) (local.get 0))) (i32.const 31))
      (i32.lt_u (i32.const 4095) (local.get 0))) (i32.const 31))
      (i32.lt_u (i32.const 4096) (local.get 0))) (i32.const 31))
      (i32.lt_u (i32.const 16711935) (local.get 0))) (i32.const 31))
      (i32.lt_u (i32.const -16711936) (local.get 0))) (i32.const 31))
      (i32.lt_u (i32.const 305419896) (local.get 0))) (i32.const 31))
      (i32.lt_u (i32.const -2147483648) (local.get 0))) (i32.const 31))
      (i32.lt_u (i32.const 2147483647) (local.get 0))) (i32.const 31))
      (i32.lt_u (i32.const 65535) (local.get 0))) (i32.const 31))
      (i32.lt_u (i32.const 65536) (local.get 0))))
  (func (export "gt_s_x_c") (param i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.gt_s (local.get 0) (i32.const 0))) (i32.const 31))
      (i32.gt_s (local.get 0) (i32.const 1))) (i32.const 31))
      (i32.gt_s (local.get 0) (i32.const -1))) (i32.const 31))
      (i32.gt_s (local.get 0) (i32.const 7))) (i32.const 31))
      (i32.gt_s (local.get 0) (i32.const 8))) (i32.const 31))
      (i32.gt_s (local.get 0) (i32.const 255))) (i32.const 31))
      (i32.gt_s (local.get 0) (i32.const 256))) (i32.const 31))
      (i32.gt_s (local.get 0) (i32.const 4095))) (i32.const 31))
      (i32.gt_s (local.get 0) (i32.const 4096))) (i32.const 31))
      (i32.gt_s (local.get 0) (i32.const 16711935))) (i32.const 31))
      (i32.gt_s (local.get 0) (i32.const -16711936))) (i32.const 31))
      (i32.gt_s (local.get 0) (i32.const 305419896))) (i32.const 31))
      (i32.gt_s (local.get 0) (i32.const -2147483648))) (i32.const 31))
      (i32.gt_s (local.get 0) (i32.const 2147483647))) (i32.const 31))
      (i32.gt_s (local.get 0) (i32.const 65535))) (i32.const 31))
      (i32.gt_s (local.get 0) (i32.const 65536))))
  (func (export "gt_s_c_x") (param i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.gt_s (i32.const 0) (local.get 0))) (i32.const 31))
      (i32.gt_s (i32.const 1) (local.get 0))) (i32.const 31))
      (i32.gt_s (i32.const -1) (local.get 0))) (i32.const 31))
      (i32.gt_s (i32.const 7) (local.get 0))) (i32.const 31))
      (i32.gt_s (i32.const 8) (local.get 0))) (i32.const 31))
      (i32.gt_s (i32.const 255) (local.get 0))) (i32.const 31))
      (i32.gt_s (i32.const 256) (local.get 0))) (i32.const 31))
      (i32.gt_s (i32.const 4095) (local.get 0))) (i32.const 31))
      (i32.gt_s (i32.const 4096) (local.get 0))) (i32.const 31))
      (i32.gt_s (i32.const 16711935) (local.get 0))) (i32.const 31))
      (i32.gt_s (i32.const -16711936) (local.get 0))) (i32.const 31))
      (i32.gt_s (i32.const 305419896) (local.get 0))) (i32.const 31))
      (i32.gt_s (i32.const -2147483648) (local.get 0))) (i32.const 31))
      (i32.gt_s (i32.const 2147483647) (local.get 0))) (i32.const 31))
      (i32.gt_s (i32.const 65535) (local.get 0))) (i32.const 31))
      (i32.gt_s (i32.const 65536) (local.get 0))))
  (func (export "ge_u_x_c") (param i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.ge_u (local.get 0) (i32.const 0))) (i32.const 31))
      (i32.ge_u (local.get 0) (i32.const 1))) (i32.const 31))
      (i32.ge_u (local.get 0) (i32.const -1))) (i32.const 31))
      (i32.ge_u (local.get 0) (i32.const 7))) (i32.const 31))
      (i32.ge_u (local.get 0) (i32.const 8))) (i32.const 31))
      (i32.ge_u (local.get 0) (i32.const 255))) (i32.const 31))
      (i32.ge_u (local.get 0) (i32.const 256))) (i32.const 31))
      (i32.ge_u (local.get 0) (i32.const 4095))) (i32.const 31))
      (i32.ge_u (local.get 0) (i32.const 4096))) (i32.const 31))
      (i32.ge_u (local.get 0) (i32.const 16711935))) (i32.const 31))
      (i32.ge_u (local.get 0) (i32.const -16711936))) (i32.const 31))
      (i32.ge_u (local.get 0) (i32.const 305419896))) (i32.const 31))
      (i32.ge_u (local.get 0) (i32.const -2147483648))) (i32.const 31))
      (i32.ge_u (local.get 0) (i32.const 2147483647))) (i32.const 31))
      (i32.ge_u (local.get 0) (i32.const 65535))) (i32.const 31))
      (i32.ge_u (local.get 0) (i32.const 65536))))
  (func (export "ge_u_c_x") (param i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.ge_u (i32.const 0) (local.get 0))) (i32.const 31))
      (i32.ge_u (i32.const 1) (local.get 0))) (i32.const 31))
      (i32.ge_u (i32.const -1) (local.get 0))) (i32.const 31))
      (i32.ge_u (i32.const 7) (local.get 0))) (i32.const 31))
      (i32.ge_u (i32.const 8) (local.get 0))) (i32.const 31))
      (i32.ge_u (i32.const 255) (local.get 0))) (i32.const 31))
      (i32.ge_u (i32.const 256) (local.get 0))) (i32.const 31))
      (i32.ge_u (i32.const 4095) (local.get 0))) (i32.const 31))
      (i32.ge_u (i32.const 4096) (local.get 0))) (i32.const 31))
      (i32.ge_u (i32.const 16711935) (local.get 0))) (i32.const 31))
      (i32.ge_u (i32.const -16711936) (local.get 0))) (i32.const 31))
      (i32.ge_u (i32.const 305419896) (local.get 0))) (i32.const 31))
      (i32.ge_u (i32.const -2147483648) (local.get 0))) (i32.const 31))
      (i32.ge_u (i32.const 2147483647) (local.get 0))) (i32.const 31))
      (i32.ge_u (i32.const 65535) (local.get 0))) (i32.const 31))
      (i32.ge_u (i32.const 65536) (local.get 0))))
  (func (export "shl_x_c") (param i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.shl (local.get 0) (i32.const 0))) (i32.const 31))
      (i32.shl (local.get 0) (i32.const 1))) (i32.const 31))
      (i32.shl (local.get 0) (i32.const 8))) (i32.const 31))
      (i32.shl (local.get 0) (i32.const 31))) (i32.const 31))
      (i32.shl (local.get 0) (i32.const 32))) (i32.const 31))
      (i32.shl (local.get 0) (i32.const 33))) (i32.const 31))
      (i32.shl (local.get 0) (i32.const -1))))
  (func (export "shr_u_x_c") (param i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.shr_u (local.get 0) (i32.const 0))) (i32.const 31))
      (i32.shr_u (local.get 0) (i32.const 1))) (i32.const 31))
      (i32.shr_u (local.get 0) (i32.const 8))) (i32.const 31))
      (i32.shr_u (local.get 0) (i32.const 31))) (i32.const 31))
      (i32.shr_u (local.get 0) (i32.const 32))) (i32.const 31))
      (i32.shr_u (local.get 0) (i32.const 33))) (i32.const 31))
      (i32.shr_u (local.get 0) (i32.const -1))))
  (func (export "shr_s_x_c") (param i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.shr_s (local.get 0) (i32.const 0))) (i32.const 31))
      (i32.shr_s (local.get 0) (i32.const 1))) (i32.const 31))
      (i32.shr_s (local.get 0) (i32.const 8))) (i32.const 31))
      (i32.shr_s (local.get 0) (i32.const 31))) (i32.const 31))
      (i32.shr_s (local.get 0) (i32.const 32))) (i32.const 31))
      (i32.shr_s (local.get 0) (i32.const 33))) (i32.const 31))
      (i32.shr_s (local.get 0) (i32.const -1))))
  (func (export "rotl_x_c") (param i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.rotl (local.get 0) (i32.const 0))) (i32.const 31))
      (i32.rotl (local.get 0) (i32.const 1))) (i32.const 31))
      (i32.rotl (local.get 0) (i32.const 8))) (i32.const 31))
      (i32.rotl (local.get 0) (i32.const 31))) (i32.const 31))
      (i32.rotl (local.get 0) (i32.const 32))) (i32.const 31))
      (i32.rotl (local.get 0) (i32.const 33))) (i32.const 31))
      (i32.rotl (local.get 0) (i32.const -1))))
  (func (export "rotr_x_c") (param i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.rotr (local.get 0) (i32.const 0))) (i32.const 31))
      (i32.rotr (local.get 0) (i32.const 1))) (i32.const 31))
      (i32.rotr (local.get 0) (i32.const 8))) (i32.const 31))
      (i32.rotr (local.get 0) (i32.const 31))) (i32.const 31))
      (i32.rotr (local.get 0) (i32.const 32))) (i32.const 31))
      (i32.rotr (local.get 0) (i32.const 33))) (i32.const 31))
      (i32.rotr (local.get 0) (i32.const -1))))
  (func (export "div_s_x_c") (param i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.div_s (local.get 0) (i32.const 1))) (i32.const 31))
      (i32.div_s (local.get 0) (i32.const 2))) (i32.const 31))
      (i32.div_s (local.get 0) (i32.const 3))) (i32.const 31))
      (i32.div_s (local.get 0) (i32.const 7))) (i32.const 31))
      (i32.div_s (local.get 0) (i32.const 10))) (i32.const 31))
      (i32.div_s (local.get 0) (i32.const 16))) (i32.const 31))
      (i32.div_s (local.get 0) (i32.const 641))) (i32.const 31))
      (i32.div_s (local.get 0) (i32.const -3))) (i32.const 31))
      (i32.div_s (local.get 0) (i32.const -16))) (i32.const 31))
      (i32.div_s (local.get 0) (i32.const 2147483647))) (i32.const 31))
      (i32.div_s (local.get 0) (i32.const -2147483648))))
  (func (export "div_u_x_c") (param i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.div_u (local.get 0) (i32.const 1))) (i32.const 31))
      (i32.div_u (local.get 0) (i32.const 2))) (i32.const 31))
      (i32.div_u (local.get 0) (i32.const 3))) (i32.const 31))
      (i32.div_u (local.get 0) (i32.const 7))) (i32.const 31))
      (i32.div_u (local.get 0) (i32.const 10))) (i32.const 31))
      (i32.div_u (local.get 0) (i32.const 16))) (i32.const 31))
      (i32.div_u (local.get 0) (i32.const 641))) (i32.const 31))
      (i32.div_u (local.get 0) (i32.const -1))) (i32.const 31))
      (i32.div_u (local.get 0) (i32.const -3))) (i32.const 31))
      (i32.div_u (local.get 0) (i32.const -16))) (i32.const 31))
      (i32.div_u (local.get 0) (i32.const 2147483647))) (i32.const 31))
      (i32.div_u (local.get 0) (i32.const -2147483648))))
  (func (export "rem_s_x_c") (param i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.rem_s (local.get 0) (i32.const 1))) (i32.const 31))
      (i32.rem_s (local.get 0) (i32.const 2))) (i32.const 31))
      (i32.rem_s (local.get 0) (i32.const 3))) (i32.const 31))
      (i32.rem_s (local.get 0) (i32.const 7))) (i32.const 31))
      (i32.rem_s (local.get 0) (i32.const 10))) (i32.const 31))
      (i32.rem_s (local.get 0) (i32.const 16))) (i32.const 31))
      (i32.rem_s (local.get 0) (i32.const 641))) (i32.const 31))
      (i32.rem_s (local.get 0) (i32.const -1))) (i32.const 31))
      (i32.rem_s (local.get 0) (i32.const -3))) (i32.const 31))
      (i32.rem_s (local.get 0) (i32.const -16))) (i32.const 31))
      (i32.rem_s (local.get 0) (i32.const 2147483647))) (i32.const 31))
      (i32.rem_s (local.get 0) (i32.const -2147483648))))
  (func (export "rem_u_x_c") (param i32) (result i32)
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (i32.const 0) (i32.const 31))
      (i32.rem_u (local.get 0) (i32.const 1))) (i32.const 31))
      (i32.rem_u (local.get 0) (i32.const 2))) (i32.const 31))
      (i32.rem_u (local.get 0) (i32.const 3))) (i32.const 31))
      (i32.rem_u (local.get 0) (i32.const 7))) (i32.const 31))
      (i32.rem_u (local.get 0) (i32.const 10))) (i32.const 31))
      (i32.rem_u (local.get 0) (i32.const 16))) (i32.const 31))
      (i32.rem_u (local.get 0) (i32.const 641))) (i32.const 31))
      (i32.rem_u (local.get 0) (i32.const -1))) (i32.const 31))
      (i32.rem_u (local.get 0) (i32.const -3))) (i32.const 31))
      (i32.rem_u (local.get 0) (i32.const -16))) (i32.const 31))
      (i32.rem_u (local.get 0) (i32.const 2147483647))) (i32.const 31))
      (i32.rem_u (local.get 0) (i32.const -2147483648))))
  (func (export "div_s_minus_1") (param i32) (result i32)
    (i32.div_s (local.get 0) (i32.const -1)))
  (func (export "div_by_const_0") (param i32) (result i32)
    (i32.div_u (local.get 0) (i32.const 0)))
)
