/* The guest: the mean of a sensor's last four readings, and an alarm when it is too high.
 *
 * It knows neither the sensor nor what an alarm is: both are imports, which the host defines. */

__attribute__((import_module("sensor"), import_name("read"))) int sensor_read(int channel);
__attribute__((import_module("alarm"), import_name("raise"))) void alarm_raise(int value);

enum { READINGS = 4 };

static int readings[READINGS];
static unsigned next, count;
static int limit;

__attribute__((export_name("set_limit"))) void set_limit(int value) { limit = value; }

__attribute__((export_name("step"))) int step(int channel) {
    readings[next++ % READINGS] = sensor_read(channel);
    if (count < READINGS)
        count++;
    int sum = 0;
    for (unsigned n = 0; n < count; n++)
        sum += readings[n];
    /* count is never 0 here; if it were, the division would trap, not end the firmware. */
    int mean = sum / (int)count;
    if (mean > limit)
        alarm_raise(mean);
    return mean;
}
