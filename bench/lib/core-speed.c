/* Prints how many additions a nanosecond this core does, over 30 ms: eight independent sums, nothing from memory.
 *
 * A core that another virtual machine shares (its second hardware thread) does about half as many, and no counter of the kernel's says so.
 */
#define _POSIX_C_SOURCE 199309L
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#define SPAN 30e6
/* The compiler may neither foresee a sum nor add them up together. */
#define ADD(sum) __asm__ volatile("" : "+r"(sum)); sum += 1
#define ROUND ADD(a); ADD(b); ADD(c); ADD(d); ADD(e); ADD(f); ADD(g); ADD(h)

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

int main(void) {
  uint64_t a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0;
  double start = now(), passed = 0, additions = 0;
  while (passed < SPAN) {
    for (int i = 0; i < 1000; i += 1) {
      ROUND;
      ROUND;
    }
    additions += 16000;
    passed = now() - start;
  }
  printf("%.2f\n", additions / passed);
  return (a + b + c + d + e + f + g + h) == 0;
}
