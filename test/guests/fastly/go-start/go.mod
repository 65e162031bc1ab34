module start

go 1.24
