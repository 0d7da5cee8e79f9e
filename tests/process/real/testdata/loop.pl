# A hash that grows, with a signal handler.
use strict;
use warnings;
use Time::HiRes qw(sleep);
my ($where) = @ARGV;
my ($n, $caught, %seen) = (0, 0);
$SIG{USR1} = sub { $caught++ };
open(my $log, '>>', "$where/log") or die;
$log->autoflush(1);
until (-e "$where/stop") {
    $n++;
    $seen{$n} = "value $n";
    print $log "$n\n";
    sleep(0.01);
}
kill USR1 => $$;
die "no signal" unless $caught == 1;
$seen{$_} eq "value $_" or die "lost $_" for 1 .. $n;
open(my $result, '>', "$where/result") or die;
print $result 'ok';
