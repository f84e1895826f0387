package event

import (
	"regexp/syntax"
	"slices"
	"time"
)

// sure is what a rule is made into for a scan.
type sure struct {
	possible bool // it has no keyword that needs the value
	members  map[string]member
	required uint64 // a bit for each member that must be there
	letters  *letters
}

type member struct {
	rule     *rule
	required uint64
}

// anything is the rule of what there is no rule for; it is never written to.
var anything = rule{sure: sure{possible: true}}

func (r *rule) makeSure() {
	const bits = 64
	r.sure = sure{
		possible: r.Enum == nil && r.Const == nil && r.AnyOf == nil && r.Not == nil && r.If == nil && len(r.Required) <= bits,
		members:  map[string]member{}, letters: lettersOf(r.Pattern),
	}
	for name, sub := range r.Properties {
		r.sure.members[name] = member{rule: sub}
	}
	for i, name := range r.Required {
		m, known := r.sure.members[name]
		if !known {
			m.rule = r.AdditionalProperties
		}
		m.required |= 1 << i
		r.sure.members[name], r.sure.required = m, r.sure.required|m.required
	}
}

// surely says whether the text is one value that is as the rule wants it. False
// means that it has to be looked at in whole.
func (r *rule) surely(text []byte) bool {
	s := scan{text: text}
	return r.scan(&s) && s.ended()
}

func (r *rule) scan(s *scan) bool {
	if r == nil {
		r = &anything
	}
	if !r.sure.possible {
		return false
	}
	switch s.peek() {
	case '{':
		return r.allows("object") && r.scanObject(s)
	case '[':
		return r.allows("array") && r.scanArray(s)
	case '"':
		text, ok := s.string()
		return ok && r.allows("string") && r.surelyText(text)
	case 't', 'f':
		_, ok := s.boolean()
		return ok && r.allows("boolean")
	case 'n':
		return r.allows("null") && s.word("null")
	default:
		n, ok := s.integer()
		return ok && (r.allows("integer") || r.allows("number")) && r.surelyNumber(float64(n))
	}
}

func (r *rule) scanObject(s *scan) bool {
	var seen uint64
	return s.members(func(name []byte) bool {
		m, known := r.sure.members[string(name)]
		if !known {
			m.rule = r.AdditionalProperties
		}
		seen |= m.required
		return m.rule.scan(s)
	}) && seen == r.sure.required
}

func (r *rule) scanArray(s *scan) bool {
	entries := 0
	return s.entries(func() bool {
		entries++
		return r.Items.scan(s)
	}) && (r.MinItems == nil || entries >= *r.MinItems) && (r.MaxItems == nil || entries <= *r.MaxItems)
}

func (r *rule) surelyNumber(n float64) bool {
	return (r.Minimum == nil || n >= *r.Minimum) && (r.Maximum == nil || n <= *r.Maximum)
}

func (r *rule) allows(kind string) bool { return len(r.Type) == 0 || slices.Contains(r.Type, kind) }

// surelyText says whether a text of ASCII is as the rule wants it.
func (r *rule) surelyText(text []byte) bool {
	if r.MinLength != nil && len(text) < *r.MinLength || r.MaxLength != nil && len(text) > *r.MaxLength {
		return false
	}
	if l := r.sure.letters; l != nil && !l.match(text) || l == nil && r.pattern != nil && !r.pattern.Match(text) {
		return false
	}
	switch r.Format {
	case "":
		return true
	case "date-time":
		return new(time.Time).UnmarshalText(text) == nil
	default:
		return false
	}
}

// letters is a pattern such as ^[a-z]{1,64}$, which a table answers in a tenth
// of the time.
type letters struct {
	of          [128]bool
	least, most int // most is -1 when there is no bound
}

// lettersOf is nil for any other pattern.
func lettersOf(pattern string) *letters {
	whole, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil || whole.Op != syntax.OpConcat || len(whole.Sub) != 3 ||
		whole.Sub[0].Op != syntax.OpBeginText || whole.Sub[2].Op != syntax.OpEndText {
		return nil
	}
	l := &letters{most: -1}
	switch many := whole.Sub[1]; many.Op {
	case syntax.OpRepeat:
		l.least, l.most = many.Min, many.Max
	case syntax.OpStar:
	default:
		return nil
	}
	class := whole.Sub[1].Sub[0]
	if class.Op != syntax.OpCharClass {
		return nil
	}
	for i := 0; i < len(class.Rune); i += 2 {
		for c := class.Rune[i]; c <= class.Rune[i+1] && c < rune(len(l.of)); c++ {
			l.of[c] = true
		}
	}
	return l
}

func (l *letters) match(text []byte) bool {
	if len(text) < l.least || l.most >= 0 && len(text) > l.most {
		return false
	}
	for _, c := range text {
		if !l.of[c] {
			return false
		}
	}
	return true
}
