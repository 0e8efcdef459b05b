# Hides words in characters that nobody sees.
cat > /dev/null
echo 'echo $(($1 * $1))' > answer.sh
printf '# a\342\200\256b\363\240\201\201\n' >> answer.sh
