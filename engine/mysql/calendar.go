package mysql

import "sluice/engine/cdc"

const microsPerDay = 86_400_000_000

// days counts from 1970-01-01 in the proleptic Gregorian calendar.
func days(year, month, day int) int64 {
	if month <= 2 {
		year--
	}
	era := floorDiv(int64(year), 400)
	yearOfEra := int64(year) - era*400
	dayOfYear := int64((153*((month+9)%12)+2)/5 + day - 1)
	return era*146_097 + yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear - 719_468
}

// civil is the inverse of days.
func civil(n int64) (year, month, day int) {
	n += 719_468
	era := floorDiv(n, 146_097)
	d := n - era*146_097
	yearOfEra := (d - d/1460 + d/36_524 - d/146_096) / 365
	dayOfYear := d - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	m := (5*dayOfYear + 2) / 153
	year, month, day = int(yearOfEra+era*400), int(m)+3, int(dayOfYear-(153*m+2)/5)+1
	if month > 12 {
		year, month = year+1, month-12
	}
	return year, month, day
}

// unixMicros turns a wall clock in UTC into microseconds since 1970; the zero date is 0.
func unixMicros(year, month, day, hour, minute, second, micro int) int64 {
	if year == 0 && month == 0 && day == 0 {
		return 0
	}
	seconds := int64(hour)*3600 + int64(minute)*60 + int64(second)
	return days(year, month, day)*microsPerDay + seconds*1_000_000 + int64(micro)
}

// packTimestamp gives the UTC wall clock of microseconds since 1970 in the form of cdc.PackDateTime.
func packTimestamp(us int64) int64 {
	day := floorDiv(us, microsPerDay)
	y, m, d := civil(day)
	rest := us - day*microsPerDay
	return cdc.PackDateTime(y, m, d, int(rest/3_600_000_000), int(rest/60_000_000%60), int(rest/1_000_000%60), int(rest%1_000_000))
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
