/* Keeps workers behind a listening unix socket, as a systemd socket unit does: the socket stays here, the workers get it as
 * descriptor 0, and one that ends is started again after a pause.
 *
 *   supervisor SOCKET PROCESSES PAUSE_MS WORKER
 *
 * Prints "started INDEX PID" for every start. Ends, with its workers, on TERM or INT or when its parent ends.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST 64

static pid_t pids[MOST];
static long long due[MOST];

static long long now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

static int listen_on(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (strlen(path) >= sizeof address.sun_path) return -1;
  strcpy(address.sun_path, path);
  if (fd == -1 || bind(fd, (struct sockaddr *)&address, sizeof address) == -1) return -1;
  return listen(fd, 4096) == -1 ? -1 : fd;
}

static void start(int index, int fd, char *worker) {
  pid_t parent = getpid();
  pid_t pid = fork();
  if (pid == 0) {
    sigset_t none;
    char *arguments[] = {worker, NULL};
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    dup2(fd, 0);
    execv(worker, arguments);
    _exit(127);
  }
  pids[index] = pid;
  dprintf(1, "started %d %d\n", index, (int)pid);
}

int main(int argc, char **argv) {
  int processes = argc == 5 ? atoi(argv[2]) : 0;
  int pause_ms = argc == 5 ? atoi(argv[3]) : 0;
  int fd;
  sigset_t set;

  if (processes < 1 || processes > MOST) {
    fprintf(stderr, "usage: supervisor SOCKET PROCESSES PAUSE_MS WORKER\n");
    return 2;
  }
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  signal(SIGPIPE, SIG_IGN);
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigprocmask(SIG_BLOCK, &set, NULL);
  fd = listen_on(argv[1]);
  if (fd == -1) {
    perror(argv[1]);
    return 1;
  }
  for (int i = 0; i < processes; i += 1) start(i, fd, argv[4]);
  for (;;) {
    long long wait_ms = 1000;
    for (int i = 0; i < processes; i += 1) {
      if (pids[i] != 0) continue;
      if (due[i] <= now_ms()) start(i, fd, argv[4]);
      else if (due[i] - now_ms() < wait_ms) wait_ms = due[i] - now_ms();
    }
    struct timespec timeout = {wait_ms / 1000, (wait_ms % 1000) * 1000000L + 1000};
    int signal_number = sigtimedwait(&set, NULL, &timeout);
    pid_t ended;
    if (signal_number == SIGTERM || signal_number == SIGINT) break;
    while ((ended = waitpid(-1, NULL, WNOHANG)) > 0) {
      for (int i = 0; i < processes; i += 1) {
        if (pids[i] != ended) continue;
        pids[i] = 0;
        due[i] = now_ms() + pause_ms;
      }
    }
  }
  for (int i = 0; i < processes; i += 1) if (pids[i] != 0) kill(pids[i], SIGKILL);
  while (waitpid(-1, NULL, 0) > 0 || errno == EINTR) continue;
  unlink(argv[1]);
  return 0;
}
