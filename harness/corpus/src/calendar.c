// Dates: days since 1970 to year, month, day and back, printed as ISO text and read again.
//
// For a code generator: signed and unsigned division and remainder by constants (the mid-end's strength
// reduction), and by variables when numbers are printed in several bases.
#include "corpus.h"

struct date {
    int32_t year, month, day;
};

// The civil calendar counts from 1 March, so that the leap day comes last: 400 years have 146097 days.
static NOINLINE int32_t days_from_date(const struct date *date) {
    int32_t year = date->year - (date->month <= 2);
    int32_t era = (year >= 0 ? year : year - 399) / 400;
    int32_t year_of_era = year - era * 400;
    int32_t day_of_year = (153 * (date->month + (date->month > 2 ? -3 : 9)) + 2) / 5 + date->day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

static NOINLINE void date_from_days(int32_t days, struct date *date) {
    days += 719468;
    int32_t era = (days >= 0 ? days : days - 146096) / 146097;
    uint32_t day_of_era = (uint32_t)(days - era * 146097);
    uint32_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint32_t month = (5 * day_of_year + 2) / 153;
    date->day = (int32_t)(day_of_year - (153 * month + 2) / 5 + 1);
    date->month = (int32_t)(month < 10 ? month + 3 : month - 9);
    date->year = (int32_t)year_of_era + era * 400 + (date->month <= 2);
}

// 0 is Sunday. The remainder is taken towards minus infinity.
static NOINLINE int32_t weekday(int32_t days) {
    int32_t rest = (days + 4) % 7;
    return rest < 0 ? rest + 7 : rest;
}

// At least `width` digits.
static NOINLINE char *print_number(char *out, uint32_t value, uint32_t base, int width) {
    char digits[32];
    int count = 0;
    do {
        uint32_t digit = value % base;
        digits[count++] = (char)(digit < 10 ? '0' + digit : 'a' + digit - 10);
        value /= base;
    } while (value != 0 || count < width);
    while (count > 0) *out++ = digits[--count];
    return out;
}

static NOINLINE const char *read_number(const char *in, int32_t *value) {
    *value = 0;
    while (*in >= '0' && *in <= '9') *value = *value * 10 + (*in++ - '0');
    return in;
}

static NOINLINE void print_date(char *out, const struct date *date) {
    out = print_number(out, (uint32_t)date->year, 10, 4);
    *out++ = '-';
    out = print_number(out, (uint32_t)date->month, 10, 2);
    *out++ = '-';
    out = print_number(out, (uint32_t)date->day, 10, 2);
    *out = 0;
}

static NOINLINE void read_date(const char *in, struct date *date) {
    in = read_number(in, &date->year);
    in = read_number(in + 1, &date->month);
    read_number(in + 1, &date->day);
}

EXPORT("run") uint32_t run(void) {
    static const struct date epoch = {1970, 1, 1}, leap = {2000, 2, 29}, moon = {1969, 7, 20};
    require(days_from_date(&epoch) == 0 && weekday(0) == 4);
    require(days_from_date(&leap) == 11016 && weekday(11016) == 2);
    require(days_from_date(&moon) == -165 && weekday(-165) == 0);

    uint32_t sum = 0;
    int32_t last_weekday = weekday(-719468 - 8009);
    for (int32_t days = -719468; days < 2000000; days += 8009) {
        struct date date, again;
        char text[16];
        date_from_days(days, &date);
        require(date.month >= 1 && date.month <= 12 && date.day >= 1 && date.day <= 31);
        require(days_from_date(&date) == days);
        print_date(text, &date);
        read_date(text, &again);
        require(again.year == date.year && again.month == date.month && again.day == date.day);
        require(weekday(days) == (last_weekday + 8009) % 7);
        last_weekday = weekday(days);
        print_number(text, (uint32_t)days & 0xffff, 2 + (uint32_t)date.day, 1);
        for (int i = 0; i < 3; i++) sum = mix(sum, (uint8_t)text[i]);
        sum = mix(sum, (uint32_t)(date.year * 512 + date.month * 32 + date.day));
    }
    return sum;
}
