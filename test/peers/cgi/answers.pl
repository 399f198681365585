#!/usr/bin/perl
# A CGI script in Perl: its query string chooses one of the forms an answer may have.

use strict;
use warnings;

my %answers = (
    redirect => "Location: http://elsewhere.example/a?b=c\n\n",
    'redirect-with-body' => "Location: /see/other\nContent-Type: text/plain\n\nover there\n",
    'local-redirect' => "Location: /other/path?landed\n\n",
    landed => "Content-Type: text/plain\n\nlanded at $ENV{PATH_INFO}\n",
    status => "Status: 410\nContent-Type: text/plain\n\ngone\n",
    reason => "Status: 420 Enhance Your Calm\nContent-Type: text/plain\n\ncalm\n",
    cookies => "Set-Cookie: a=1\nSet-Cookie: b=2; Path=/\nContent-Type: text/plain\n\ncookies\n",
    'bad-line' => "Content-Type: text/plain\nthis is no header\n\nsecret\n",
    nothing => '',
);

print STDERR "something for the log\n" if $ENV{QUERY_STRING} eq 'status';
print $answers{ $ENV{QUERY_STRING} } // die "no such answer\n";
