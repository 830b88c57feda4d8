/* The main thread leaves by pthread_exit() while another thread goes on: the process ends when that
 * one does. Prints "last" from it.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void* work(void* unused) {
  (void)unused;
  void* block = malloc(1 << 20);
  usleep(50000);
  free(block);
  puts("last");
  return NULL;
}

int main(void) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, work, NULL) != 0) return 1;
  pthread_detach(thread);
  pthread_exit(NULL);
}
