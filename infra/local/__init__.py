"""`make run`: the whole product on this machine, in the foreground, leaving nothing behind but `.local`."""
