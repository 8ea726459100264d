package main

import "context"

func (p *program) precheck(context.Context, []string) int { return exitUsage }
