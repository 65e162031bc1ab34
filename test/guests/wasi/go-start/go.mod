module start

go 1.22
