package memorize

// Tables are the scores of a folder that most readers want, as its files have them.
type Tables struct {
	Layers []LayerScore
	Deltas []DeltaScore
	Units  []UnitScore // of f
	UnitsG []UnitScore // of g
	// Classes is ClassMem of f, empty without labels.
	Classes []ClassScore
}

// ReadTables reads the tables in a folder that Scores.WriteFiles wrote. What a
// single point leaves undefined is NaN.
func ReadTables(dir string) (*Tables, error) {
	var t Tables
	var err error
	if t.Layers, err = LayerMemTable.Read(dir); err != nil {
		return nil, err
	}
	if t.Deltas, err = DeltaTable.Read(dir); err != nil {
		return nil, err
	}
	if t.Units, err = UnitMemTable.Read(dir); err != nil {
		return nil, err
	}
	if t.UnitsG, err = UnitMemTableG.Read(dir); err != nil {
		return nil, err
	}
	for c, err := range ClassMemTable.Rows(dir, func(c *ClassScore) bool { return c.Encoder == F.String() }) {
		if err != nil {
			return nil, err
		}
		t.Classes = append(t.Classes, c)
	}
	return &t, nil
}

// UnitMem returns UnitMem of the units of f of a tap on a set.
func (t *Tables) UnitMem(tap, set string) []float64 {
	var out []float64
	for _, u := range t.Units {
		if u.Tap == tap && u.Set == set {
			out = append(out, u.Value)
		}
	}
	return out
}

// ClassMem returns ClassMem of the units of f of a tap.
func (t *Tables) ClassMem(tap string) []float64 {
	var out []float64
	for _, c := range t.Classes {
		if c.Tap == tap {
			out = append(out, c.Value)
		}
	}
	return out
}
