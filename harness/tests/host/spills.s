@ Functions whose spills are counted by hand; tests/analyze.rs has the counts. spills.o is this file,
@ assembled with arm-none-eabi-as.
    .syntax unified
    .cpu cortex-m4
    .thumb
    .text

    .macro function name
    .globl \name
    .type \name, %function
    .thumb_func
\name:
    .endm
    .macro end name
    .size \name, . - \name
    .endm

@ No stack at all.
    function leaf
    adds r0, r0, r1
    bx lr
    end leaf

@ Two slots, each stored and loaded once, while r2 and r3 are free. One holds a constant, but r1 is
@ written three times. Values: the parameter, 7, the shifted one, two sums; at most three at once.
    function reuse
    sub sp, #8
    str r0, [sp, #4]        @ store
    movs r1, #7
    str r1, [sp]            @ store
    lsls r1, r0, #1
    ldr r0, [sp, #4]        @ reload
    adds r1, r1, r0
    ldr r0, [sp]            @ reload of 7
    adds r0, r0, r1
    add sp, #8
    bx lr
    end reuse

@ Two parameters live across a call, one in r4 and one in a slot.
    function across
    push {r4, lr}           @ 2 pushes
    sub sp, #8
    mov r4, r0
    str r1, [sp, #4]        @ store
    bl other
    ldr r1, [sp, #4]        @ reload
    adds r0, r4, r1
    add sp, #8
    pop {r4, pc}            @ 2 pops
    end across

@ Two arguments come on the stack and go on it, below.
    function arguments
    push {r4, lr}
    sub sp, #8
    ldr r4, [sp, #16]       @ incoming
    str r4, [sp]            @ outgoing
    ldr r4, [sp, #20]       @ incoming
    str r4, [sp, #4]        @ outgoing
    bl other
    add sp, #8
    pop {r4, pc}
    end arguments

@ An array whose address is passed on, and a slot below it.
    function array
    push {r4, lr}
    sub sp, #16
    str r0, [sp]            @ store
    movs r1, #0
    strd r1, r1, [sp, #4]   @ 2 of the object
    add r0, sp, #4
    bl other
    ldr r0, [sp, #12]       @ object
    ldr r1, [sp]            @ reload
    add r0, r0, r1
    add sp, #16
    pop {r4, pc}
    end array

@ A frame pointer, as compilers set one up that do not optimise.
    function framed
    push {r7}
    sub sp, #12
    add r7, sp, #0
    str r0, [r7, #4]        @ store
    strb r1, [r7, #3]       @ narrower than a word: object
    ldr r3, [r7, #4]        @ reload
    adds r3, #1
    mov r0, r3
    adds r7, #12
    mov sp, r7
    ldr r7, [sp], #4        @ pop
    bx lr
    end framed

@ A slot that three arms of a switch store and the end loads: one range, merged over the join.
@ One value is live at any time: the two predicated moves are one definition.
    function switch
    sub sp, #8
    cmp r0, #2
    bhi 3f
    tbb [pc, r0]
0:  .byte (1f - 0b) / 2
    .byte (2f - 0b) / 2
    .byte (3f - 0b) / 2
    .align 1
1:  movs r1, #10
    str r1, [sp, #4]        @ store
    b 4f
2:  ite eq
    moveq r1, #11
    movne r1, #12
    str r1, [sp, #4]        @ store
    b 4f
3:  ldr r1, 5f
    str r1, [sp, #4]        @ store
4:  ldr r0, [sp, #4]        @ reload
    add sp, #8
    bx lr
    .align 2
5:  .word 0x12345678
    end switch

@ Nobody knows where sp is behind the second instruction.
    function dynamic
    push {r7, lr}
    sub sp, sp, r0
    mov r7, sp
    mov r0, r7
    bl other
    pop {r7, pc}
    end dynamic

@ Nor where this goes.
    function computed
    add r0, pc
    mov pc, r0
    end computed
