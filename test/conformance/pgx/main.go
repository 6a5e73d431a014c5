// Logs in with the password from the environment, and prints who it is and how the session ends.
package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

func main() {
	ctx := context.Background()
	// Everything else is in the variables of libpq.
	connection, err := pgx.Connect(ctx, "sslmode=verify-full")
	if err != nil {
		fmt.Println(err)
		return
	}
	var user string
	if err = connection.QueryRow(ctx, "select current_user").Scan(&user); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(user)
	_, err = connection.Exec(ctx, "select pg_sleep(600)")
	var refusal *pgconn.PgError
	if errors.As(err, &refusal) {
		fmt.Println(refusal.Code, refusal.Message)
	} else {
		fmt.Println(err)
	}
}
