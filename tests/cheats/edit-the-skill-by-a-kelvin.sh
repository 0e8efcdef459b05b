# Changes the skill by a name that is the same where case is not told apart.
cat > /dev/null
k=$(printf "\342\204\252"); mkdir -p "s${k}ills/square"; echo evil > "s${k}ills/square/SKILL.md"
