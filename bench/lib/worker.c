/* A single-request FastCGI worker: does what the query string says, and writes down in a journal what it began and ended.
 *
 *   ms=N      sleep so long before answering
 *   bytes=N   size of the answer's body (2 without it)
 *   pace=N    read the request body at N bytes a millisecond
 *   id=TEXT   what stands in the journal for this request
 *
 * The journal is the file named by BENCH_JOURNAL, if it is set: "begin METHOD ID PID" before the work, "end ..." after it.
 */
#include <fcgiapp.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static char chunk[65536];

static const char *param(FCGX_Request *request, const char *name) {
  const char *value = FCGX_GetParam(name, request->envp);
  return value == NULL ? "" : value;
}

static long number(const char *query, const char *name, long preset) {
  size_t length = strlen(name);
  for (const char *at = query; at != NULL; at = strchr(at, '&')) {
    if (*at == '&') at += 1;
    if (strncmp(at, name, length) == 0 && at[length] == '=') return atol(at + length + 1);
  }
  return preset;
}

static void rest(long ms) {
  struct timespec time = {ms / 1000, (ms % 1000) * 1000000L};
  nanosleep(&time, NULL);
}

static void journal(int file, const char *what, const char *method, const char *query) {
  char line[256];
  const char *id = strstr(query, "id=");
  int length;
  if (file == -1) return;
  length = snprintf(line, sizeof line, "%s %s %.*s %d\n", what, method, id == NULL ? 1 : (int)strcspn(id + 3, "&"),
                    id == NULL ? "-" : id + 3, (int)getpid());
  /* One write on an O_APPEND file: lines of several workers do not mix, and a killed worker leaves none half-way. */
  if (write(file, line, (size_t)length) != length) abort();
}

int main(void) {
  const char *journal_path = getenv("BENCH_JOURNAL");
  int file = journal_path == NULL ? -1 : open(journal_path, O_WRONLY | O_CREAT | O_APPEND, 0600);
  FCGX_Request request;

  prctl(PR_SET_TIMERSLACK, 1UL);
  memset(chunk, 'x', sizeof chunk);
  FCGX_Init();
  FCGX_InitRequest(&request, 0, 0);
  while (FCGX_Accept_r(&request) == 0) {
    const char *query = param(&request, "QUERY_STRING");
    const char *method = param(&request, "REQUEST_METHOD");
    long pace = number(query, "pace", 0);
    long bytes = number(query, "bytes", 2);
    long ms = number(query, "ms", 0);
    int got;

    journal(file, "begin", method, query);
    while ((got = FCGX_GetStr(chunk, sizeof chunk, request.in)) > 0) {
      if (pace > 0) rest(got / pace);
    }
    memset(chunk, 'x', sizeof chunk);
    if (ms > 0) rest(ms);
    FCGX_FPrintF(request.out, "Content-Type: text/html; charset=utf-8\r\nCache-Control: no-cache\r\nX-Frame-Options: DENY\r\n\r\n");
    while (bytes > 0) {
      int part = bytes > (long)sizeof chunk ? (int)sizeof chunk : (int)bytes;
      if (FCGX_PutStr(chunk, part, request.out) != part) break;
      bytes -= part;
    }
    journal(file, "end", method, query);
    FCGX_Finish_r(&request);
  }
  return 0;
}
