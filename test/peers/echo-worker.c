/*
 * A FastCGI responder on libfcgi that serves one request at a time on the listening socket it gets as descriptor 0.
 *
 * Usage: echo-worker DIR
 * It appends a line to DIR/journal for every request it begins: "METHOD REQUEST_URI PID". The path says what to do and
 * the query string is the one argument; whoever runs it (test/peers/libfcgi.ts) documents the paths by using them.
 */

#include <fcgiapp.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static FCGX_Request request;
static const char *dir;

static const char *param(const char *name)
{
    const char *value = FCGX_GetParam(name, request.envp);
    return value == NULL ? "" : value;
}

/* DIR/NAME; good until the next call. */
static const char *file(const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static int exists(const char *name)
{
    struct stat status;
    return stat(file(name), &status) == 0;
}

/* One write, so that the lines of several workers do not mix. */
static void append(const char *name, const char *text)
{
    int fd = open(file(name), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, text, strlen(text)) < 0) _exit(70);
    close(fd);
}

static void write_journal(void)
{
    char line[4096];
    snprintf(line, sizeof line, "%s %s %ld\n", param("REQUEST_METHOD"), param("REQUEST_URI"), (long)getpid());
    append("journal", line);
}

/* The headers that every answer has; X-Connection is different for every connection from the front end. */
static void head(void)
{
    struct stat status;
    memset(&status, 0, sizeof status);
    fstat(request.ipcFd, &status);
    FCGX_FPrintF(request.out, "Content-Type: application/octet-stream\r\nX-Pid: %ld\r\nX-Connection: %lu\r\n\r\n", (long)getpid(),
                 (unsigned long)status.st_ino);
}

/* Byte number n of every generated body is (n * 7 + n / 256) mod 251, so that lost or moved bytes show. */
static void send_generated(long from, long to)
{
    char block[65536];
    while (from < to) {
        long length = to - from < (long)sizeof block ? to - from : (long)sizeof block;
        for (long i = 0; i < length; i += 1) block[i] = (char)(((from + i) * 7 + (from + i) / 256) % 251);
        FCGX_PutStr(block, (int)length, request.out);
        from += length;
    }
}

static void echo(void)
{
    char block[65536];
    int length;
    head();
    FCGX_FPrintF(request.out, "%s %s\n", param("REQUEST_METHOD"), param("REQUEST_URI"));
    while ((length = FCGX_GetStr(block, sizeof block, request.in)) > 0) FCGX_PutStr(block, length, request.out);
}

/* One line of STDERR with control characters in it, as long as asked. */
static void complain_at_length(long size)
{
    for (long i = 0; i < size; i += 1) FCGX_PutChar("error\x1b[31m\r\a\x7f!"[i % 14], request.err);
    FCGX_PutChar('\n', request.err);
}

static void complain_in_lines(long lines)
{
    for (long i = 0; i < lines; i += 1) FCGX_FPrintF(request.err, "complaint %ld: something is not quite as it should be\n", i);
}

/* Works until the file DIR/go is there, and writes down that it has finished. */
static void work_until_go(void)
{
    append("working", "x");
    for (int i = 0; i < 10000 && !exists("go"); i += 1) usleep(2000);
    head();
    FCGX_PutS("went", request.out);
    append("finished", "x");
}

static void die(void)
{
    raise(SIGKILL);
}

/* The first request finds DIR/died missing, and kills the worker in the way that `when` says. */
static void die_once(const char *when)
{
    if (exists("died")) {
        echo();
        return;
    }
    append("died", "x");
    if (strcmp(when, "half-way") == 0) {
        head();
        send_generated(0, 100000);
        FCGX_FFlush(request.out);
    }
    die();
}

static void serve(void)
{
    const char *path = param("PATH_INFO");
    const char *argument = param("QUERY_STRING");
    long number = atol(argument);
    write_journal();
    if (strcmp(path, "/generate") == 0) {
        head();
        send_generated(0, number);
    } else if (strcmp(path, "/unread") == 0) {
        /* Answers without reading any of the body. */
        head();
        send_generated(0, number);
    } else if (strcmp(path, "/complain") == 0) {
        complain_at_length(number);
        echo();
    } else if (strcmp(path, "/complain-in-lines") == 0) {
        complain_in_lines(number);
        echo();
    } else if (strcmp(path, "/work") == 0) {
        work_until_go();
    } else if (strcmp(path, "/spend") == 0) {
        /* /spend?MILLISECONDS&anything */
        usleep((useconds_t)number * 1000);
        echo();
    } else if (strcmp(path, "/die-once") == 0) {
        die_once(argument);
    } else if (strcmp(path, "/status") == 0) {
        /* The exit status of the application is not the status of the answer. */
        head();
        FCGX_SetExitStatus((int)number, request.out);
    } else if (strcmp(path, "/silent") == 0) {
        /* No answer at all: END_REQUEST and nothing before it. */
    } else {
        echo();
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("usage: echo-worker DIR\n", stderr);
        return 64;
    }
    dir = argv[1];
    if (FCGX_Init() != 0 || FCGX_InitRequest(&request, 0, 0) != 0) return 70;
    while (FCGX_Accept_r(&request) == 0) {
        serve();
        FCGX_Finish_r(&request);
    }
    return 0;
}
