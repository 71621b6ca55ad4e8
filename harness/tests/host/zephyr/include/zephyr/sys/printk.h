#ifndef ZEPHYR_PRINTK_H
#define ZEPHYR_PRINTK_H

/* Of conversions there are %d and %s. */
__attribute__((format(printf, 1, 2))) void printk(const char *format, ...);

#endif
