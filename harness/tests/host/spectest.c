/* The host module `spectest`, as the specification's interpreter has it. What scripts print is
 * dropped. The generated headers declare these functions, each as far as a module imports them. */
#include "script.h"

struct spectest_instance {
    uint32_t printed;
};
struct spectest_instance spectest;

/* As in every generated header. */
typedef struct windlass_memory {
    uint32_t bytes;
    uint8_t *base;
    uint32_t capacity;
} windlass_memory;
typedef struct windlass_table {
    uint32_t size;
    const void **elements;
    uint32_t capacity;
} windlass_table;

enum { PAGE = 65536 };

static uint64_t memory_bytes[2 * PAGE / sizeof(uint64_t)];
static const void *elements[20];

void spectest_print(struct spectest_instance *);
void spectest_print_i32(struct spectest_instance *, uint32_t);
void spectest_print_i64(struct spectest_instance *, uint64_t);
void spectest_print_f32(struct spectest_instance *, float);
void spectest_print_f64(struct spectest_instance *, double);
void spectest_print_i32_f32(struct spectest_instance *, uint32_t, float);
void spectest_print_f64_f64(struct spectest_instance *, double, double);
const uint32_t *spectest_global_i32(struct spectest_instance *);
const uint64_t *spectest_global_i64(struct spectest_instance *);
const float *spectest_global_f32(struct spectest_instance *);
const double *spectest_global_f64(struct spectest_instance *);
windlass_memory *spectest_memory(struct spectest_instance *);
windlass_table *spectest_table(struct spectest_instance *);

void spectest_print(struct spectest_instance *self) {
    self->printed++;
}
void spectest_print_i32(struct spectest_instance *self, uint32_t a) {
    (void)a;
    self->printed++;
}
void spectest_print_i64(struct spectest_instance *self, uint64_t a) {
    (void)a;
    self->printed++;
}
void spectest_print_f32(struct spectest_instance *self, float a) {
    (void)a;
    self->printed++;
}
void spectest_print_f64(struct spectest_instance *self, double a) {
    (void)a;
    self->printed++;
}
void spectest_print_i32_f32(struct spectest_instance *self, uint32_t a, float b) {
    (void)a;
    (void)b;
    self->printed++;
}
void spectest_print_f64_f64(struct spectest_instance *self, double a, double b) {
    (void)a;
    (void)b;
    self->printed++;
}

const uint32_t *spectest_global_i32(struct spectest_instance *self) {
    static const uint32_t object = 666;
    (void)self;
    return &object;
}

const uint64_t *spectest_global_i64(struct spectest_instance *self) {
    static const uint64_t object = 666;
    (void)self;
    return &object;
}

const float *spectest_global_f32(struct spectest_instance *self) {
    static const float object = 666.6f;
    (void)self;
    return &object;
}

const double *spectest_global_f64(struct spectest_instance *self) {
    static const double object = 666.6;
    (void)self;
    return &object;
}

windlass_memory *spectest_memory(struct spectest_instance *self) {
    static windlass_memory object = {PAGE, (uint8_t *)memory_bytes, sizeof memory_bytes};
    (void)self;
    return &object;
}

windlass_table *spectest_table(struct spectest_instance *self) {
    static windlass_table object = {10, elements, 20};
    (void)self;
    return &object;
}
