// Quicksort (median of three, insertion sort below a threshold) and heapsort of the same words.
//
// For a code generator: nested loops with data dependent exits, loads and stores by scaled index, and a
// recursion that keeps its bounds alive across the call.
#include "corpus.h"

enum { WORDS = 256, SMALL = 12 };

static int32_t quick[WORDS], heap[WORDS];

static inline void swap(int32_t *a, int32_t *b) {
    int32_t t = *a;
    *a = *b;
    *b = t;
}

static NOINLINE void insertion_sort(int32_t *v, int count) {
    for (int i = 1; i < count; i++) {
        int32_t x = v[i];
        int j = i;
        for (; j > 0 && v[j - 1] > x; j--) v[j] = v[j - 1];
        v[j] = x;
    }
}

static NOINLINE void quicksort(int32_t *v, int count) {
    while (count > SMALL) {
        int middle = count / 2, last = count - 1;
        if (v[middle] < v[0]) swap(v + middle, v);
        if (v[last] < v[0]) swap(v + last, v);
        if (v[last] < v[middle]) swap(v + last, v + middle);
        int32_t pivot = v[middle];
        int i = 0, j = last;
        while (i <= j) {
            while (v[i] < pivot) i++;
            while (v[j] > pivot) j--;
            if (i <= j) swap(v + i++, v + j--);
        }
        // Recurse into the smaller part, so that the depth stays logarithmic.
        if (j + 1 < count - i) {
            quicksort(v, j + 1);
            v += i, count -= i;
        } else {
            quicksort(v + i, count - i);
            count = j + 1;
        }
    }
    insertion_sort(v, count);
}

static NOINLINE void sift_down(int32_t *v, int root, int count) {
    int32_t x = v[root];
    for (int child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && v[child + 1] > v[child]) child++;
        if (x >= v[child]) break;
        v[root] = v[child];
    }
    v[root] = x;
}

static NOINLINE void heapsort_words(int32_t *v, int count) {
    for (int root = count / 2 - 1; root >= 0; root--) sift_down(v, root, count);
    for (int last = count - 1; last > 0; last--) {
        swap(v, v + last);
        sift_down(v, 0, last);
    }
}

EXPORT("run") uint32_t run(void) {
    uint32_t seed = 99, sum = 0;
    for (int round = 0; round < 2; round++) {
        // The second round has many equal words.
        for (int i = 0; i < WORDS; i++) quick[i] = heap[i] = (int32_t)next_random(&seed) >> (round * 26);
        quicksort(quick, WORDS);
        heapsort_words(heap, WORDS);
        for (int i = 0; i < WORDS; i++) {
            require(quick[i] == heap[i] && (i == 0 || quick[i - 1] <= quick[i]));
            sum = mix(sum, (uint32_t)quick[i]);
        }
    }
    return sum;
}
