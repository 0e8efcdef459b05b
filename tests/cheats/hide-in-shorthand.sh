# Hides text in format controls of shorthand.
cat > /dev/null
echo 'echo $(($1 * $1))' > answer.sh
printf "a\360\233\262\240\360\233\262\241b\n" > n.txt
