#!/usr/bin/perl
# A FastCGI responder on Perl's FCGI module that opens its own listening socket.
#
# Usage: worker.pl SOCKET DIR [PROCESSES]
# With PROCESSES that many processes under FCGI::ProcManager share the socket, each serving one request at a time, and
# write their process ids to DIR/pids. The path says what to do, the query string is the one argument.

use strict;
use warnings;

use FCGI;
use Time::HiRes ();

my ($socket_path, $dir, $processes) = @ARGV;
die "usage: worker.pl SOCKET DIR [PROCESSES]\n" unless defined $dir;

my $socket = FCGI::OpenSocket($socket_path, 100);
my %env;
my $request = FCGI::Request(\*STDIN, \*STDOUT, \*STDERR, \%env, $socket);

my $manager;
if ($processes) {
    require FCGI::ProcManager;
    $manager = FCGI::ProcManager->new({ n_processes => $processes, die_timeout => 1 });
    $manager->pm_manage();
    leave('pids', "$$\n");
}

while ($request->Accept() >= 0) {
    $manager->pm_pre_dispatch() if $manager;
    serve($env{PATH_INFO} // '', $env{QUERY_STRING} // '');
    $request->Finish();
    $manager->pm_post_dispatch() if $manager;
}

sub leave {
    my ($name, $text) = @_;
    open my $file, '>>', "$dir/$name" or die "$dir/$name: $!";
    syswrite $file, $text;
    close $file;
    return;
}

sub serve {
    my ($path, $argument) = @_;
    leave('journal', "$env{REQUEST_METHOD} $env{REQUEST_URI} $$\n");
    if ($path eq '/meet') {
        # Waits until as many requests as asked are here at the same time.
        leave("meeting-$$", 'x');
        my $here = 0;
        for (1 .. 10_000) {
            $here = () = glob "$dir/meeting-*";
            last if $here >= $argument;
            Time::HiRes::sleep(0.002);
        }
        print "Content-Type: text/plain\r\n\r\n$here together";
    }
    elsif ($path eq '/unread') {
        # Answers without reading any of the body.
        print "Content-Type: text/plain\r\n\r\n", 'u' x $argument;
    }
    elsif ($path eq '/bare') {
        # Line feeds alone end the lines of the head, as many scripts have it.
        print "Content-Type: text/plain\nStatus: 418\nX-Bytes: caf\xe9\n\nshort and stout\n";
    }
    elsif ($path eq '/elsewhere') {
        print "Location: /echo?moved\r\n\r\n";
    }
    elsif ($path eq '/die') {
        print STDERR "dying of $argument\n";
        die "$argument\n" if $argument eq 'perl';
        kill 'KILL', $$;
    }
    elsif ($path eq '/env') {
        print "Content-Type: text/plain\r\n\r\n", map { "$_=$env{$_}\n" } sort keys %env;
    }
    else {
        my $body = '';
        my $length = $env{CONTENT_LENGTH} // 0;
        while (length $body < $length) {
            last unless read STDIN, $body, $length - length $body, length $body;
        }
        print "Content-Type: application/octet-stream\r\n\r\n$env{REQUEST_METHOD} $env{REQUEST_URI}\n$body";
    }
    return;
}
